//! Starting one container and tracing it: what it opened, and what it called.
//!
//! Three processes take part. The caller unpacks an image into a [`RootFs`] and starts a [`Container`]. That runs this
//! program again as the *supervisor*, which makes namespaces, forwards the ports and traces. The supervisor runs the
//! program once more *inside*, where it takes on the image's file system and user and becomes the image's command.
//!
//! The image is hostile: it sees its own files and processes and a network of its own that leads nowhere, and the root
//! in it is nobody outside.

mod call;
mod container;
mod forward;
mod host_test;
mod inside;
mod isolation;
mod link_up;
mod message;
mod profile;
mod rootfs;
mod supervisor;
mod tracer;
mod user;

pub use container::{Container, ContainerConfig, ContainerError, Ended, Program, Recording};
pub use host_test::HostTest;
pub use inside::run_inside;
pub use isolation::Isolation;
pub use profile::seccomp_profile;
pub use rootfs::{RootFs, UnpackError};
pub use supervisor::supervise;
pub use user::{User, UserError};
