mod list;
mod name;

use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::{Span, SpanRelativeTo};
use plimsoll_registry::auth::RobotToken;
use plimsoll_server::now;
use plimsoll_store::catalogue::{Grant, Robot as StoredRobot};
use serde::Serialize;

use self::list::RobotList;
use self::name::RobotName;
use super::moment::{rfc3339, to_the_minute};
use super::rights::printed;
use super::storage::{Expected, Place, StorageArguments, cannot, local_name};
use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::{Page, Report};

/// Longest time that a token may be good.
const EXPIRES_MAX: Duration = Duration::from_secs(3650 * 24 * 3600);

/// Manage the tokens of machines
#[derive(Debug, Args)]
pub(crate) struct Robot {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Add(Add),
    Ls(Ls),
    Rm(Rm),
}

/// Make a robot, and print its token once
///
/// The token is a password: sign in with the robot's name and the token, or send it as a bearer token. Only its hash
/// is kept, so it cannot be shown again.
#[derive(Debug, Args)]
struct Add {
    /// The robot's name
    name: RobotName,
    /// Actions in repositories, such as 'team/*:pull'; may be given several times
    #[arg(long = "grant", value_name = "PATTERN:ACTIONS", required = true)]
    grants: Vec<Grant>,
    /// How long the token is good, such as 12h, 90d or 2w; for ever by default
    #[arg(long, value_name = "TIME", value_parser = parse_expiry)]
    expires: Option<Duration>,
    #[command(flatten)]
    storage: StorageArguments,
}

/// List the robots, what they may do and when they were last seen
#[derive(Debug, Args)]
struct Ls {
    #[command(flatten)]
    storage: StorageArguments,
}

/// Remove a robot: its token is worth nothing at once
#[derive(Debug, Args)]
struct Rm {
    /// The robot
    name: RobotName,
    #[command(flatten)]
    storage: StorageArguments,
}

impl Robot {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match &self.action {
            Action::Add(add) => add.run(context),
            Action::Ls(ls) => ls.run(context),
            Action::Rm(rm) => rm.run(context),
        }
    }
}

impl Add {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let place = self.storage.find(Expected::Catalogue, context)?;
        let made = self.make(local_name(context.environment()))?;
        let has_users = context.block_on(self.add(&place, made.robot.clone()))?;
        let terminal = context.terminal();
        terminal.print(&NewRobot::of(&made))?;
        let until = made.robot.expires_at.map_or_else(
            || "for ever; give --expires next time, and a lost token ends by itself".to_owned(),
            |until| format!("until {} UTC", to_the_minute(until)),
        );
        terminal.note(&format!("robot `{}` has {}, {until}", self.name, printed(&self.grants)));
        terminal.note("this is the only time that its token is shown");
        if !has_users {
            let help = format!("plimsoll user add NAME --admin {}", place.flag());
            terminal.warn(&format!("there are no users yet, so the registry is still open:  {help}"));
        }
        Ok(())
    }

    fn make(&self, created_by: String) -> Result<Made, Failure> {
        let token = RobotToken::fresh().map_err(cannot("make a token"))?;
        let created_at = now();
        let robot = StoredRobot {
            name: self.name.to_string(),
            token_hash: token.hash(),
            grants: self.grants.clone(),
            expires_at: self.expires.map(|good_for| created_at.plus(good_for)),
            created_at,
            created_by,
            last_used_at: None,
        };
        Ok(Made { robot, token })
    }

    /// Adds the robot, and tells whether there are users.
    async fn add(&self, place: &Place, robot: StoredRobot) -> Result<bool, Failure> {
        let opened = place.open().await?;
        let catalogue = opened.storage.catalogue();
        if !catalogue.add_robot(robot).await.map_err(cannot("write the robot down"))? {
            let what = format!("there is a robot `{}` already", self.name);
            let help = format!("plimsoll robot rm {} {}", self.name, place.flag());
            return Err(Failure::usage(what).at(place.described()).help(help));
        }
        catalogue.has_users().await.map_err(cannot("look for users"))
    }
}

impl Ls {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let place = self.storage.find(Expected::Catalogue, context)?;
        let robots = context.block_on(async {
            let opened = place.open().await?;
            opened.storage.catalogue().list_robots().await.map_err(cannot("list the robots"))
        })?;
        if robots.is_empty() {
            let help = format!("plimsoll robot add NAME --grant 'team/*:pull' {}", place.flag());
            context.terminal().note(&format!("there are no robots; make one:  {help}"));
        }
        context.terminal().print(&RobotList::of(&robots, now()))
    }
}

impl Rm {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let place = self.storage.find(Expected::Catalogue, context)?;
        let is_removed = context.block_on(async {
            let opened = place.open().await?;
            let removed =
                opened.storage.catalogue().delete_robot(self.name.as_str(), plimsoll_server::now()).await;
            removed.map_err(cannot("remove the robot"))
        })?;
        if !is_removed {
            let failure = Failure::usage(format!("there is no robot `{}`", self.name)).at(place.described());
            return Err(failure.help(format!("plimsoll robot ls {}", place.flag())));
        }
        context.terminal().note(&format!("robot `{}` is removed, and its token is worth nothing", self.name));
        Ok(())
    }
}

struct Made {
    robot: StoredRobot,
    token: RobotToken,
}

/// A robot with its token. What is printed for people is the token and nothing else, so that a script can take it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewRobot {
    api_version: &'static str,
    kind: &'static str,
    name: String,
    token: String,
    grants: Vec<String>,
    expires_at: Option<String>,
}

impl NewRobot {
    fn of(made: &Made) -> Self {
        Self {
            api_version: "plimsoll/v1",
            kind: "RobotToken",
            name: made.robot.name.clone(),
            token: made.token.reveal().to_owned(),
            grants: made.robot.grants.iter().map(Grant::to_string).collect(),
            expires_at: made.robot.expires_at.map(rfc3339),
        }
    }
}

impl Report for NewRobot {
    fn draw(&self, page: &mut Page) {
        page.line(&self.token);
    }
}

/// Reads a time from now on. Days have 24 hours; months have no fixed length.
pub(super) fn parse_expiry(text: &str) -> Result<Duration, String> {
    let expected = || "a time such as `12h`, `90d` or `2w`, at most `3650d`".to_owned();
    let span: Span = text.parse().map_err(|_| expected())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| expected())?;
    let duration = Duration::try_from(duration).map_err(|_| expected())?;
    if duration.is_zero() || duration > EXPIRES_MAX { Err(expected()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_time_to_come() {
        assert_eq!(parse_expiry("90d"), Ok(Duration::from_secs(90 * 24 * 3600)));
        assert_eq!(parse_expiry("2w"), Ok(Duration::from_secs(14 * 24 * 3600)));
        assert_eq!(parse_expiry("12h"), Ok(Duration::from_secs(12 * 3600)));
        for wrong in ["", "90", "0d", "-1d", "1mo", "4000d", "tomorrow", "99999999999999d"] {
            assert!(parse_expiry(wrong).is_err(), "{wrong}");
        }
    }
}
