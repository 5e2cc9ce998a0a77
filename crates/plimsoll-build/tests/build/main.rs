//! Whole builds: from a Dockerfile and a directory to an image in a layout.

mod commands;
mod conformance;
mod copying;
mod hostile;
mod reproducible;
mod settings;
mod workshop;
