//! For tests: images, a server in this process, an S3 service that can fail, a PostgreSQL of its own, and peers.
//!
//! Where something real is missing on the machine, the test says so and passes over it; with
//! `PLIMSOLL_PEERS=required`, as in continuous integration, it fails instead.

mod image;
mod peer;
mod postgres;
mod s3;
mod server;

pub use image::{Image, TestBlob, artifact, index, noise};
pub use peer::{Peer, find_peer, passed_over};
pub use postgres::Postgres;
pub use s3::{Fault, S3Service};
pub use server::{TestServer, TestServerConfig, client};
