//! Where images come from and go to: registries, OCI image layouts, docker archives, root file systems, and the
//! engines of Docker and Podman.
//!
//! Two ports hold the crate together. A [`Source`] hands out manifests and blobs, a [`Sink`] takes them, and
//! [`copy()`] moves an image from one to the other with everything that is said about it. A user names either end with
//! an [`ImageName`]; [`Places`] opens it.
//!
//! - Blobs travel as [`VerifiedStream`]s, which end in an error unless the bytes had the promised digest and size. There is no other
//!   way to hand out a blob, so no sink can commit bytes that do not hash.
//! - Memory is bounded: blobs are streams, archives are read in place, and what must be laid down first rests in a
//!   scratch file.
//! - Nothing here reads the environment or starts a program. Paths come in as values, and credential helpers run
//!   behind the port [`CredentialHelper`].

mod advisories;
mod attach;
mod attachments;
mod connect_failure;
mod copy;
mod credentials;
mod docker_archive;
mod document_client;
mod engine;
mod error;
mod evidence;
mod fallback_list;
mod file_stream;
mod image_name;
mod layout;
mod places;
mod platform_selection;
mod port;
mod recompressed;
mod registry;
mod replace_file;
mod rootfs;
mod secret;
mod verify;

pub use advisories::{Download, Downloaded};
pub use attach::{attach, put_bytes};
pub use attachments::{Attachment, Link, attachments, read_blob, sibling_attachments};
pub use copy::{CopyOptions, CopyReport, Evidence, Platforms, Progress, Silent, copy, count_evidence};
pub use credentials::{
    Credential, CredentialError, CredentialFiles, CredentialHelper, CredentialOrigin, FoundCredential,
    HelperFailure, HelperReply, HelperVerb, Keychain, LoginKey, StoredLogin, answer_helper_request,
    erase_login, list_logins, store_login,
};
pub use docker_archive::{DockerArchiveSink, open_docker_archive};
pub use document_client::DocumentClient;
pub use engine::{Engine, open_engine_image};
pub use error::{ErrorKind, TransportError};
pub use evidence::{EvidenceOutcome, JudgedEvidence, log_proofs, verify_evidence};
pub use image_name::{ImageName, ParseImageNameError};
pub use layout::{LayoutSink, LayoutSource};
pub use places::{OpenSink, OpenSource, Places};
pub use platform_selection::PlatformSelection;
pub use port::{
    BlobContent, ByteStream, Keeps, Placement, PortFuture, Presence, RawManifest, Sink, Source, Target,
    TopLevel,
};
pub use recompressed::Recompressed;
pub use registry::{
    Access, Insight, NoWarnings, PlainHttp, PushRecord, RegistryClient, RegistryOptions, Repository,
    RetryPolicy, TagMove, TellRun, WarningCollector, Warnings, read_ca_file,
};
pub use rootfs::open_root_fs;
pub use secret::Secret;
pub use verify::{BlobVerifier, VerifiedStream};
