//! Owns: exploring one model and telling what was found in readable words. Knows nothing of: what is modelled.

use core::fmt::{self, Debug};
use core::hash::Hash;
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// A model whose steps can be told.
pub trait World: Model<State: Telling, Action: Clone + Debug + PartialEq + Send + Sync> {
    /// The step in words, from the state before it.
    fn tell(&self, before: &Self::State, action: &Self::Action) -> String;
}

/// A state that fits a line.
pub trait Telling: Clone + Debug + PartialEq + Eq + Hash + Send + Sync {
    /// What is shared, in a line.
    fn line(&self) -> String;
}

/// What an exploration found.
#[derive(Debug)]
pub struct Found {
    /// Different states.
    pub states: usize,
    /// The most steps to any of them.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// Each broken rule and the steps that lead there.
    pub broken: Vec<(&'static str, String)>,
    /// What should be reachable and was not.
    pub unreached: Vec<&'static str>,
}

impl Found {
    /// Whether every rule is kept and everything that should be reachable was reached.
    pub fn holds(&self) -> bool {
        self.broken.is_empty() && self.unreached.is_empty()
    }

    /// Whether this rule was broken.
    pub fn breaks(&self, rule: &str) -> bool {
        self.broken.iter().any(|(name, _)| *name == rule)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, depth, took, broken, unreached } = self;
        for (rule, trace) in broken {
            writeln!(f, "{rule} is broken:\n{trace}")?;
        }
        for what in unreached {
            writeln!(f, "never reached: {what}")?;
        }
        write!(f, "{states} states, {depth} steps at most, {:.1} s", took.as_secs_f64())
    }
}

/// Explores all states, or until this rule is broken: then by the fewest steps.
pub fn explore<W>(model: W, until_broken: Option<&'static str>) -> Found
where
    W: World + Send + Sync + 'static,
{
    let began = Instant::now();
    let checker = model.checker();
    let checker = match until_broken {
        // One thread: with more, the trace may not be the shortest.
        Some(rule) => checker.finish_when(HasDiscoveries::AllOf([rule].into())),
        None => checker.threads(2),
    };
    let checker = checker.spawn_bfs().join();
    let took = began.elapsed();
    let model = checker.model();
    let discoveries = checker.discoveries();
    let (mut broken, mut unreached) = (Vec::new(), Vec::new());
    for property in model.properties() {
        match (property.expectation, discoveries.get(property.name)) {
            (Expectation::Sometimes, None) if until_broken.is_none() => {
                unreached.push(property.name)
            }
            (Expectation::Always, Some(path))
                if until_broken.is_none_or(|rule| rule == property.name) =>
            {
                let mut lines = Vec::new();
                let steps = path.clone().into_vec();
                for (index, (state, action)) in steps.iter().enumerate() {
                    lines.push(format!("          {}", state.line()));
                    if let Some(action) = action {
                        lines.push(format!("{:3}  {}", index + 1, model.tell(state, action)));
                    }
                }
                broken.push((property.name, lines.join("\n")));
            }
            _ => {}
        }
    }
    broken.sort();
    Found {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        took,
        broken,
        unreached,
    }
}
