//! Popping as iteration. It must not know how an item is popped.

use super::Consumer;
use crate::error::PopError;
use crate::item::Item;

/// Items as they come: see [`Consumer::iter`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    pub(super) consumer: &'a mut Consumer<T>,
    pub(super) over: bool,
}

impl<T: Item> Iterator for Iter<'_, T> {
    type Item = Result<T, PopError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let popped = self.consumer.pop();
        self.over = popped.is_err();
        if matches!(popped, Err(PopError::Closed)) { None } else { Some(popped) }
    }
}

/// The items that are there: see [`Consumer::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T> {
    pub(super) consumer: &'a mut Consumer<T>,
    pub(super) over: bool,
}

impl<T: Item> Iterator for TryIter<'_, T> {
    type Item = Result<T, PopError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let popped = self.consumer.try_pop();
        self.over = popped.is_err();
        if matches!(popped, Err(PopError::Empty)) { None } else { Some(popped) }
    }
}
