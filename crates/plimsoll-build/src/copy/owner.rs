//! `--chown`: numbers, or names that the image's own lists translate.

use crate::BuildError;

/// Who owns what is copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// The texts of `/etc/passwd` and `/etc/group`, where the image has them.
pub(crate) trait Accounts {
    /// Reads `/etc/passwd`.
    fn users(&self) -> Result<Option<String>, BuildError>;
    /// Reads `/etc/group`.
    fn groups(&self) -> Result<Option<String>, BuildError>;
}

impl Owner {
    /// Reads `USER[:GROUP]`. A user without a group has the group of his name, or of his number.
    pub(crate) fn parse(text: &str, accounts: &dyn Accounts) -> Result<Self, BuildError> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
            None => (text, None),
        };
        let (uid, own_gid) = match user.parse::<u32>() {
            Ok(uid) => (uid, uid),
            Err(_) if user.is_empty() => (0, 0),
            Err(_) => user_named(user, accounts)?,
        };
        let gid = match group.map(|group| (group, group.parse::<u32>())) {
            None => own_gid,
            Some((_, Ok(gid))) => gid,
            Some((group, Err(_))) => group_named(group, accounts)?,
        };
        Ok(Self { uid, gid })
    }
}

fn user_named(name: &str, accounts: &dyn Accounts) -> Result<(u32, u32), BuildError> {
    let list = accounts.users()?.unwrap_or_default();
    let fields = fields_of(&list, name);
    let found = fields.and_then(|fields| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)));
    // Root is root also where no list says so.
    found.or_else(|| (name == "root").then_some((0, 0))).ok_or_else(|| unknown("user", name, "/etc/passwd"))
}

fn group_named(name: &str, accounts: &dyn Accounts) -> Result<u32, BuildError> {
    let list = accounts.groups()?.unwrap_or_default();
    let found = fields_of(&list, name).and_then(|fields| fields.get(2)?.parse().ok());
    found.or_else(|| (name == "root").then_some(0)).ok_or_else(|| unknown("group", name, "/etc/group"))
}

fn fields_of<'l>(list: &'l str, name: &str) -> Option<Vec<&'l str>> {
    list.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields.first() == Some(&name))
}

fn unknown(what: &str, name: &str, list: &str) -> BuildError {
    BuildError::wrong(format!("{list} of the image knows no {what} `{name}`")).help("give a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Lists;

    impl Accounts for Lists {
        fn users(&self) -> Result<Option<String>, BuildError> {
            Ok(Some("root:x:0:0::/:/bin/sh\nweb:x:33:34::/:\n".to_owned()))
        }
        fn groups(&self) -> Result<Option<String>, BuildError> {
            Ok(Some("adm:x:4:\n".to_owned()))
        }
    }

    #[test]
    fn names_and_numbers_are_understood() {
        let owner = |text| Owner::parse(text, &Lists).map(|owner| (owner.uid, owner.gid)).ok();
        assert_eq!(owner("web"), Some((33, 34)));
        assert_eq!(owner("web:adm"), Some((33, 4)));
        assert_eq!(owner("7"), Some((7, 7)));
        assert_eq!(owner("7:8"), Some((7, 8)));
        assert_eq!(owner(":adm"), Some((0, 4)));
        assert_eq!(owner("root"), Some((0, 0)));
        assert_eq!(owner("nobody"), None);
        assert_eq!(owner("web:wheel"), None);
    }
}
