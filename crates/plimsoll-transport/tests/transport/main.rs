//! Images moved for real: files on disk, Debian's `docker-registry`, `skopeo` and `podman` as peers. Where a program is
//! not installed, its tests say so and end.

mod archives;
mod children;
mod copying;
mod credentials;
mod cutting_proxy;
mod debian_registry;
mod failures;
mod fixture;
mod layouts;
mod places;
mod protocol;
mod registries;
mod root_fs;
mod scripted_server;
