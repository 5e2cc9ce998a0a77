//! What keeps a container away from the machine.

use std::fmt;

use rustix::process::{getegid, geteuid};

use crate::user::User;

/// The first of the ids that root in a container and all other users stand for outside: far from those that machines
/// give to people and services.
const SHIFT: u32 = 0x7000_0000;

/// How many ids there are from there on.
const SHIFTED_IDS: u32 = 0x0fff_0000;

/// How users of a container stand for users of the machine. There is a user namespace in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// We are root: every user of the image is a user of its own outside, with no rights at all.
    Shifted,
    /// We are somebody: the image has one user, its root, who is us.
    Single {
        /// Our user.
        uid: u32,
        /// Our group.
        gid: u32,
    },
}

impl Isolation {
    /// What this process can have.
    pub fn of_process() -> Self {
        if geteuid().is_root() {
            Self::Shifted
        } else {
            Self::Single { uid: geteuid().as_raw(), gid: getegid().as_raw() }
        }
    }

    /// The owner on disk of a file that the image gives to `id`; nothing where all files are ours.
    pub(crate) fn on_disk(self, id: u32) -> Option<u32> {
        match self {
            Self::Shifted => Some(SHIFT + id.min(SHIFTED_IDS - 1)),
            Self::Single { .. } => None,
        }
    }

    /// The maps of users and groups (user_namespaces(7)).
    pub(crate) fn maps(self) -> (String, String) {
        match self {
            Self::Shifted => {
                let map = format!("0 {SHIFT} {SHIFTED_IDS}\n");
                (map.clone(), map)
            }
            Self::Single { uid, gid } => (format!("0 {uid} 1\n"), format!("0 {gid} 1\n")),
        }
    }

    /// Whom a container can run as that wants to run as `user`.
    pub(crate) fn user(self, user: &User) -> User {
        match self {
            Self::Shifted => user.clone(),
            Self::Single { .. } => User { uid: 0, gid: 0, groups: Vec::new(), home: user.home.clone() },
        }
    }

    /// Whether there are users to choose from.
    pub fn has_users(self) -> bool {
        self == Self::Shifted
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shifted => "namespaces of its own; its users are nobody outside",
            Self::Single { .. } => "namespaces of its own; it has one user, which is you",
        })
    }
}
