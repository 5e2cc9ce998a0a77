//! What a build is doing, as lines beneath its step.

use plimsoll_build::{BuildError, Watch};

use crate::failure::{Failure, Verdict};
use crate::terminal::Step;

/// Lines of a builder's output that an error repeats.
const LINES_REPEATED: usize = 3;

/// Shows on the terminal what is being built.
pub(super) struct Telling(pub(super) Step);

impl Watch for Telling {
    fn step(&self, text: &str) {
        self.0.tell(&format!("  {text}"));
    }

    fn line(&self, text: &str) {
        self.0.tell(&format!("  | {text}"));
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let verdict = if error.is_usage() { Verdict::Usage } else { Verdict::NotEvaluated };
        let (place, error, advice) = placed(error);
        let mut whole = Self::new(verdict, "").because(&error).causes.into_iter();
        let what = whole.next().unwrap_or_default();
        let mut failure = Self { place, causes: whole.collect(), help: advice, ..Self::new(verdict, what) };
        if let BuildError::Builder { output, .. } = &error {
            failure.causes.extend(output.iter().rev().take(LINES_REPEATED).rev().cloned());
        }
        failure
    }
}

/// Takes the place in the Dockerfile off an error.
fn placed(error: BuildError) -> (Option<String>, BuildError, Option<String>) {
    let advice = error.advice();
    match error {
        BuildError::Instruction { file, line, instruction, source } => {
            (Some(format!("{file}:{line}: {instruction}")), *source, advice)
        }
        other => (None, other, advice),
    }
}
