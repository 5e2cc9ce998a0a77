use plimsoll_store::catalogue::{Grant, User};
use serde::Serialize;

use crate::command::moment::{rfc3339, to_the_minute};
use crate::command::rights::printed;
use crate::terminal::{Column, Page, Report, Table};

/// All users, without their passwords.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserList<'a> {
    api_version: &'static str,
    kind: &'static str,
    users: Vec<ListedUser<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedUser<'a> {
    name: &'a str,
    grants: Vec<String>,
    created_at: String,
    #[serde(skip)]
    user: &'a User,
}

impl<'a> UserList<'a> {
    pub(super) fn of(users: &'a [User]) -> Self {
        let listed = users.iter().map(|user| ListedUser {
            name: &user.name,
            grants: user.grants.iter().map(Grant::to_string).collect(),
            created_at: rfc3339(user.created_at),
            user,
        });
        Self { api_version: "plimsoll/v1", kind: "UserList", users: listed.collect() }
    }
}

impl Report for UserList<'_> {
    fn draw(&self, page: &mut Page) {
        let mut table = Table::new(&[Column::Left("NAME"), Column::Left("SINCE"), Column::Left("MAY")]);
        for ListedUser { user, .. } in &self.users {
            table.row([user.name.clone(), to_the_minute(user.created_at), printed(&user.grants)]);
        }
        if !table.is_empty() {
            page.table(&table);
        }
    }
}
