//! What every storage must do, whatever it is made of.

mod catalogue;
mod objects;
mod race;
