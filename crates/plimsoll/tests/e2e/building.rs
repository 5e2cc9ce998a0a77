//! `plimsoll build` at work: from a Dockerfile to a signed image in a registry, and what becomes of it when something
//! breaks on the way.

mod breaking;
mod chain;
mod cutting_proxy;
mod measuring;
mod yard;
