//! The registry over HTTP.
//!
//! The tests below `conformance` are named after the paths of the specification's own suite, which is run as well
//! wherever Go is at hand (`docs/conformance.md`).

mod access;
mod bad_input;
mod conformance;
mod evidence;
mod log;
mod looking_after;
mod projects;
mod redirect;
mod tags;
mod uploads;
mod verdicts;
