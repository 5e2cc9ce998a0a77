use plimsoll_store::Timestamp;
use plimsoll_store::catalogue::{Grant, Robot};
use serde::Serialize;

use crate::command::moment::{rfc3339, to_the_minute};
use crate::command::rights::printed;
use crate::terminal::{Column, Page, Report, Table};

/// All robots, without their tokens.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RobotList<'a> {
    api_version: &'static str,
    kind: &'static str,
    robots: Vec<ListedRobot<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedRobot<'a> {
    name: &'a str,
    grants: Vec<String>,
    expires_at: Option<String>,
    is_expired: bool,
    last_used_at: Option<String>,
    created_at: String,
    created_by: &'a str,
    #[serde(skip)]
    robot: &'a Robot,
}

impl<'a> RobotList<'a> {
    pub(super) fn of(robots: &'a [Robot], now: Timestamp) -> Self {
        let listed = robots.iter().map(|robot| ListedRobot {
            name: &robot.name,
            grants: robot.grants.iter().map(Grant::to_string).collect(),
            expires_at: robot.expires_at.map(rfc3339),
            is_expired: robot.expires_at.is_some_and(|expires_at| expires_at <= now),
            last_used_at: robot.last_used_at.map(rfc3339),
            created_at: rfc3339(robot.created_at),
            created_by: &robot.created_by,
            robot,
        });
        Self { api_version: "plimsoll/v1", kind: "RobotList", robots: listed.collect() }
    }
}

impl ListedRobot<'_> {
    fn expiry(&self) -> String {
        match self.robot.expires_at {
            None => "never".to_owned(),
            Some(_) if self.is_expired => "expired".to_owned(),
            Some(at) => to_the_minute(at),
        }
    }
}

impl Report for RobotList<'_> {
    fn draw(&self, page: &mut Page) {
        let columns = ["NAME", "EXPIRES", "LAST USED", "MADE BY", "MAY"].map(Column::Left);
        let mut table = Table::new(&columns);
        for listed in &self.robots {
            let last_used = listed.robot.last_used_at.map_or_else(|| "-".to_owned(), to_the_minute);
            let (name, maker) = (listed.name.to_owned(), listed.created_by.to_owned());
            table.row([name, listed.expiry(), last_used, maker, printed(&listed.robot.grants)]);
        }
        if !table.is_empty() {
            page.table(&table);
        }
    }
}
