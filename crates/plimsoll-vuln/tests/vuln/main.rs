//! Version orders against the tools whose orders they are. Where a tool is not installed, its test says so and ends.

mod order_oracles;
