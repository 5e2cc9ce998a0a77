//! What every storage must do, whatever it is made of.

mod catalogue;
mod events;
mod evidence;
mod lines;
mod log;
mod objects;
mod projects;
mod race;
mod verdicts;
