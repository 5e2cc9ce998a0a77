//! Running the layer analyser: a child without credentials or network, and the record that it yields.
//!
//! A layer is hostile input, and the code that reads it is large. So it runs in a process of its own, whose only doors
//! are the bytes on its standard input, the record on its standard output and files without names in the spool. The
//! parent's side is [`Analyser`], the child's [`analyse_stdin`].

mod ahead;
mod child;
mod run;
mod sandbox;
mod spool;

pub use child::{ChildOutcome, analyse_stdin};
pub use run::{Analyser, AnalyserConfig, AnalysisError};
