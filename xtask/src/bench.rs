//! What Plimsoll costs, measured beside others that do the same.

mod connection;
mod cores;
mod figures;
pub(crate) mod registry;
pub(crate) mod scan;
mod section;
mod server;
mod side;
mod usage;
