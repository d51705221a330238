//! The guide: what does not belong to any one type. Pages without code of their own.

pub mod when_the_other_side_goes_away;
