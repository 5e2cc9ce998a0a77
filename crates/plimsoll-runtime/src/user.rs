//! Whom a container runs as: the `User` of an image's config, by the image's own lists.

use serde::{Deserialize, Serialize};

/// Groups beside the first that a user may be in.
const GROUPS_MAX: usize = 1024;

/// A user with the groups that it is in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Other groups.
    pub groups: Vec<u32>,
    /// The directory that is its home.
    pub home: String,
}

/// Why there is no such user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// The name is in no list.
    #[error("the image names the user `{0}`, which its `/etc/passwd` does not know")]
    NoUser(String),
    /// The group's name is in no list.
    #[error("the image names the group `{0}`, which its `/etc/group` does not know")]
    NoGroup(String),
}

impl User {
    /// Finds `user`, `uid`, or either with `:group`, in the texts of `/etc/passwd` and `/etc/group`.
    pub fn find(wanted: &str, passwd: &str, group: &str) -> Result<Self, UserError> {
        let (name, group_name) = match wanted.split_once(':') {
            Some((name, group)) => (name, Some(group).filter(|group| !group.is_empty())),
            None => (wanted, None),
        };
        let name = if name.is_empty() { "0" } else { name };
        let entry = passwd.lines().map(fields).find(|fields| names(fields, name));
        let field = |at: usize| entry.as_ref().and_then(|fields| fields.get(at).copied());
        let number = |at: usize| field(at).and_then(|text| text.parse().ok());
        let uid =
            number(2).or_else(|| name.parse().ok()).ok_or_else(|| UserError::NoUser(name.to_owned()))?;
        let gid = match group_name {
            Some(wanted) => group_number(wanted, group)?,
            None => number(3).unwrap_or(0),
        };
        let login = field(0).unwrap_or(name);
        let groups = if group_name.is_some() { Vec::new() } else { groups_of(login, group) };
        Ok(Self {
            uid,
            gid,
            groups,
            home: field(5).filter(|home| !home.is_empty()).unwrap_or("/").to_owned(),
        })
    }
}

fn fields(line: &str) -> Vec<&str> {
    line.split(':').collect()
}

/// Whether an entry is of this name or number.
fn names(fields: &[&str], wanted: &str) -> bool {
    fields.first() == Some(&wanted) || fields.get(2) == Some(&wanted)
}

fn group_number(wanted: &str, group: &str) -> Result<u32, UserError> {
    let entry = group.lines().map(fields).find(|fields| names(fields, wanted));
    let number = entry.and_then(|fields| fields.get(2).and_then(|text| text.parse().ok()));
    number.or_else(|| wanted.parse().ok()).ok_or_else(|| UserError::NoGroup(wanted.to_owned()))
}

fn groups_of(login: &str, group: &str) -> Vec<u32> {
    let is_member =
        |fields: &Vec<&str>| fields.get(3).is_some_and(|list| list.split(',').any(|name| name == login));
    let of_user = group.lines().map(fields).filter(is_member);
    of_user.filter_map(|fields| fields.get(2)?.parse().ok()).take(GROUPS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nredis:x:104:106::/var/lib/redis:/usr/sbin/nologin\n";
    const GROUP: &str = "root:x:0:\nredis:x:106:\nssl-cert:x:107:postgres,redis\n";

    #[test]
    fn names_and_numbers_are_found() {
        let redis = User { uid: 104, gid: 106, groups: vec![107], home: "/var/lib/redis".into() };
        assert_eq!(User::find("redis", PASSWD, GROUP), Ok(redis.clone()));
        assert_eq!(User::find("104", PASSWD, GROUP), Ok(redis));
        assert_eq!(User::find("", PASSWD, GROUP).unwrap().home, "/root");
        let stranger = User::find("1000:ssl-cert", PASSWD, GROUP).unwrap();
        assert_eq!((stranger.uid, stranger.gid), (1000, 107));
    }

    #[test]
    fn who_is_in_no_list_is_an_error() {
        assert_eq!(User::find("nobody", PASSWD, GROUP), Err(UserError::NoUser("nobody".into())));
        assert_eq!(User::find("redis:none", PASSWD, GROUP), Err(UserError::NoGroup("none".into())));
    }
}
