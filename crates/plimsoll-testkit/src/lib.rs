//! For tests: images, servers in this process and as processes, an S3 service that can fail, a PostgreSQL, and peers.
//!
//! Where something real is missing on the machine, the test says so and passes over it; with
//! `PLIMSOLL_PEERS=required`, as in continuous integration, it fails instead.

mod image;
mod kill_loop;
mod measured;
mod postgres;
mod registry_client;
mod s3;
mod server;
mod server_process;

/// What tests of the door need of the server, so that they need not know it.
pub use plimsoll_server::{CatalogueConfig, ObjectsConfig, Storage, StorageConfig, now};

pub use image::{Image, TestBlob, artifact, index, noise};
pub use kill_loop::{KillLoop, KillLoopReport};
pub use measured::{Measured, run_measured};
pub use plimsoll_peers::{Peer, TokenIssuer, find_peer, left_out, passed_over};
pub use postgres::Postgres;
pub use registry_client::{ClientError, RegistryClient, body_of};
pub use s3::{Fault, S3Service};
pub use server::{TestServer, TestServerConfig, client};
pub use server_process::{ServerCommand, ServerProcess, children_of, lasting_address};
