//! Where programs are looked for, and which of several paths stand above the others.

use std::collections::BTreeSet;

use plimsoll_oci::ImageConfig;

/// Directories that programs lie in whatever `PATH` says.
const USUAL: &[&str] = &["bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin"];

/// The directories that a shell in the image looks for programs in, in their normal form.
pub(super) fn program_directories(config: &ImageConfig) -> Vec<Vec<u8>> {
    let mut directories: BTreeSet<&str> = USUAL.iter().copied().collect();
    let path = config.config.env.iter().find_map(|setting| setting.strip_prefix("PATH="));
    let of_path = path.into_iter().flat_map(|path| path.split(':')).map(|place| place.trim_matches('/'));
    directories.extend(of_path.filter(|place| !place.is_empty()));
    directories.into_iter().map(|place| place.as_bytes().to_vec()).collect()
}

/// Of paths that come in order, those that lie beneath none that was taken before.
#[derive(Default)]
pub(super) struct Topmost {
    last: Option<Vec<u8>>,
}

impl Topmost {
    /// Whether a path counts.
    pub(super) fn takes(&mut self, path: &[u8]) -> bool {
        let is_beneath = self.last.as_ref().is_some_and(|last| {
            last.is_empty()
                || path.strip_prefix(last.as_slice()).is_some_and(|rest| rest.first() == Some(&b'/'))
        });
        if !is_beneath {
            self.last = Some(path.to_vec());
        }
        !is_beneath
    }
}
