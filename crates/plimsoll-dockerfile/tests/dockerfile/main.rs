//! Dockerfiles against their own text, and against BuildKit's reading of them.

mod checks;
mod fixtures;
mod graph;
mod lossless;
mod multi_stage;
mod oracle;
mod rules;
mod speed;
