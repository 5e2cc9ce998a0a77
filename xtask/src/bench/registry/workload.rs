//! The loads, by name.

use super::content::MIB;
use super::images::Upload;

/// One kind of load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workload {
    pub(super) name: &'static str,
    pub(super) connections: usize,
    pub(super) operations: usize,
    pub(super) unit: Unit,
    /// The server CPU that Plimsoll aims to stay under, in `unit`.
    pub(super) target: Option<f64>,
    pub(super) action: Action,
}

/// What the server's CPU time is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Microseconds for each request.
    Request,
    /// Milliseconds for each operation of several requests.
    Operation,
    /// Seconds for each 10^9 bytes moved.
    Gigabyte,
}

/// What one operation does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Catalogue,
    Manifest(&'static str),
    HeadBlob,
    GetBlob(usize),
    PushBlob(Upload, usize),
    /// Layer sizes that operations take in turn.
    Pull(&'static [usize]),
    Push(Upload, &'static [usize]),
    /// Three pulls, then a push.
    PullsAndPush(usize),
}

impl Action {
    /// The layers that this many operations push.
    pub(super) fn bytes_written(self, operations: usize) -> u64 {
        let bytes = match self {
            Self::Catalogue | Self::Manifest(_) | Self::HeadBlob | Self::GetBlob(_) | Self::Pull(_) => 0,
            Self::PushBlob(_, size) => operations * size,
            Self::Push(_, sizes) => sizes.iter().cycle().take(operations).sum(),
            Self::PullsAndPush(size) => operations / 4 * size,
        };
        bytes as u64
    }
}

pub(super) const TINY: usize = 1 << 10;
pub(super) const SMALL: usize = MIB;
const MEDIUM: usize = 10 * MIB;
const LARGE: usize = 100 * MIB;
/// 20 % 1 MB, 70 % 10 MB, 10 % 100 MB.
const MIXED: &[usize] = &[MEDIUM, SMALL, MEDIUM, MEDIUM, LARGE, MEDIUM, SMALL, MEDIUM, MEDIUM, MEDIUM];
const THIRDS: &[usize] = &[SMALL, MEDIUM, LARGE];

/// Every size of layer above, for [`Content::of_sizes`].
pub(super) const SIZES: &[usize] = &[TINY, SMALL, MEDIUM, LARGE];

const fn workload(
    name: &'static str,
    connections: usize,
    operations: usize,
    unit: Unit,
    action: Action,
) -> Workload {
    Workload { name, connections, operations, unit, target: None, action }
}

const fn with_target(target: f64, workload: Workload) -> Workload {
    Workload { target: Some(target), ..workload }
}

use Action::{Catalogue, GetBlob, HeadBlob, Manifest, Pull, PullsAndPush, Push, PushBlob};
use Unit::{Gigabyte, Operation, Request};
use Upload::{Monolith, Streamed};

/// The loads of zot's `zb` under their names there, and below them single requests.
pub(super) const WORKLOADS: &[Workload] = &[
    workload("Get Catalog", 8, 5000, Request, Catalogue),
    workload("Push Monolith 1MB", 8, 200, Gigabyte, Push(Monolith, &[SMALL])),
    workload("Push Monolith 10MB", 8, 24, Gigabyte, Push(Monolith, &[MEDIUM])),
    workload("Push Monolith 100MB", 1, 5, Gigabyte, Push(Monolith, &[LARGE])),
    workload("Push Chunk Streamed 1MB", 8, 200, Gigabyte, Push(Streamed, &[SMALL])),
    workload("Push Chunk Streamed 10MB", 8, 24, Gigabyte, Push(Streamed, &[MEDIUM])),
    workload("Push Chunk Streamed 100MB", 4, 5, Gigabyte, Push(Streamed, &[LARGE])),
    workload("Pull 1MB", 8, 1000, Gigabyte, Pull(&[SMALL])),
    workload("Pull 10MB", 8, 100, Gigabyte, Pull(&[MEDIUM])),
    workload("Pull 100MB", 1, 10, Gigabyte, Pull(&[LARGE])),
    workload("Pull Mixed 20% 1MB, 70% 10MB, 10% 100MB", 8, 60, Gigabyte, Pull(MIXED)),
    workload("Push Monolith Mixed 20% 1MB, 70% 10MB, 10% 100MB", 8, 20, Gigabyte, Push(Monolith, MIXED)),
    workload("Push Chunk Mixed 33% 1MB, 33% 10MB, 33% 100MB", 8, 9, Gigabyte, Push(Streamed, THIRDS)),
    workload("Pull 75% and Push 25% Mixed 1MB", 8, 400, Gigabyte, PullsAndPush(SMALL)),
    workload("Pull 75% and Push 25% Mixed 10MB", 8, 60, Gigabyte, PullsAndPush(MEDIUM)),
    workload("Pull 75% and Push 25% Mixed 100MB", 4, 12, Gigabyte, PullsAndPush(LARGE)),
    with_target(60.0, workload("Manifest GET by tag", 16, 5000, Request, Manifest("GET"))),
    workload("Manifest HEAD by tag", 16, 5000, Request, Manifest("HEAD")),
    workload("Blob HEAD", 16, 5000, Request, HeadBlob),
    with_target(1.0, workload("Blob GET 1MB", 8, 1000, Gigabyte, GetBlob(SMALL))),
    with_target(0.30, workload("Blob GET 100MB", 1, 20, Gigabyte, GetBlob(LARGE))),
    with_target(1.2, workload("Blob POST+PUT 100MB", 1, 5, Gigabyte, PushBlob(Monolith, LARGE))),
    with_target(4.0, workload("Tiny image (2 blobs + manifest)", 8, 300, Operation, Push(Monolith, &[TINY]))),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_what_its_name_says() {
        let share = |size| MIXED.iter().filter(|other| **other == size).count();
        assert_eq!((share(SMALL), share(MEDIUM), share(LARGE), MIXED.len()), (2, 7, 1, 10));
    }

    #[test]
    fn what_a_load_writes_is_what_its_operations_push() {
        assert_eq!(Action::GetBlob(MEDIUM).bytes_written(9), 0);
        assert_eq!(Push(Monolith, THIRDS).bytes_written(4), (2 * SMALL + MEDIUM + LARGE) as u64);
        assert_eq!(PullsAndPush(SMALL).bytes_written(11), 2 * SMALL as u64);
    }

    #[test]
    fn every_workload_has_a_name_of_its_own() {
        for (index, workload) in WORKLOADS.iter().enumerate() {
            assert!(WORKLOADS[..index].iter().all(|other| other.name != workload.name), "{}", workload.name);
        }
    }
}
