mod list;
mod name;
mod password;

use clap::{Args, Subcommand};
use plimsoll_registry::auth::hash_password;
use plimsoll_server::now;
use plimsoll_store::catalogue::{Grant, User as StoredUser};
use plimsoll_transport::Secret;
use serde::Serialize;

use self::list::UserList;
use self::name::UserName;
use self::password::PasswordArguments;
use super::rights::{RightsArguments, may_do_everything, printed};
use super::storage::{Expected, Opened, Place, StorageArguments, cannot};
use crate::context::Context;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::terminal::{Page, Report};

/// Manage the people who may sign in
#[derive(Debug, Args)]
pub(crate) struct User {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Add(Add),
    Ls(Ls),
    Grant(SetRights),
    Passwd(Passwd),
    Rm(Rm),
}

/// Make a user
///
/// The password is asked for twice; without a terminal one is made and printed. The first user shuts the registry to
/// everybody who does not sign in.
#[derive(Debug, Args)]
struct Add {
    /// The name to sign in with
    name: UserName,
    #[command(flatten)]
    rights: RightsArguments,
    #[command(flatten)]
    password: PasswordArguments,
    #[command(flatten)]
    storage: StorageArguments,
}

/// List the users and what they may do
#[derive(Debug, Args)]
struct Ls {
    #[command(flatten)]
    storage: StorageArguments,
}

/// Set what a user may do from now on, in place of what they could do before
#[derive(Debug, Args)]
struct SetRights {
    /// The user
    name: UserName,
    #[command(flatten)]
    rights: RightsArguments,
    /// Change even the last user who may do everything
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    storage: StorageArguments,
}

/// Change a user's password
#[derive(Debug, Args)]
struct Passwd {
    /// The user
    name: UserName,
    #[command(flatten)]
    password: PasswordArguments,
    #[command(flatten)]
    storage: StorageArguments,
}

/// Remove a user
#[derive(Debug, Args)]
struct Rm {
    /// The user
    name: UserName,
    /// Remove even the last user who may do everything
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    storage: StorageArguments,
}

impl User {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match &self.action {
            Action::Add(add) => add.run(context),
            Action::Ls(ls) => ls.run(context),
            Action::Grant(set_rights) => set_rights.run(context),
            Action::Passwd(passwd) => passwd.run(context),
            Action::Rm(rm) => rm.run(context),
        }
    }
}

impl Add {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let place = self.storage.find(Expected::Nothing, context)?;
        let is_first = context.block_on(self.refuse_known(&place))?;
        let password = self.password.choose(&self.name, context)?;
        let user = StoredUser {
            name: self.name.to_string(),
            password_hash: hash(password.text())?,
            grants: self.rights.grants(),
            created_at: now(),
        };
        context.block_on(async { put(&place.open().await?, user.clone()).await })?;
        let terminal = context.terminal();
        terminal.print(&ChangedUser::of(&user, password.made()))?;
        terminal.note(&format!("`{}` may now sign in, with {}", self.name, printed(&self.rights.grants())));
        if is_first {
            terminal.note("the registry is no longer open: whoever comes must sign in");
        }
        let login = format!("plimsoll login {} -u {}", host(&place.settings), self.name);
        terminal.note(&format!("  sign in:  {login}"));
        Ok(())
    }

    /// Refuses a name that is taken, before a password is asked for. Tells whether there is no user yet.
    async fn refuse_known(&self, place: &Place) -> Result<bool, Failure> {
        let opened = place.open().await?;
        if find(&opened, &self.name).await?.is_some() {
            let help = format!("plimsoll user passwd {} {}", self.name, place.flag());
            let what = format!("there is a user `{}` already", self.name);
            return Err(Failure::usage(what).at(place.described()).help(help));
        }
        Ok(!opened.storage.catalogue().has_users().await.map_err(cannot("look for users"))?)
    }
}

impl Ls {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let place = self.storage.find(Expected::Catalogue, context)?;
        let users = context.block_on(async { list(&place.open().await?).await })?;
        if users.is_empty() {
            let help = format!("plimsoll user add NAME --admin {}", place.flag());
            context.terminal().note(&format!("there are no users; make the first:  {help}"));
        }
        context.terminal().print(&UserList::of(&users))
    }
}

impl SetRights {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let place = self.storage.find(Expected::Catalogue, context)?;
        let grants = self.rights.grants();
        let changed = context.block_on(async {
            let opened = place.open().await?;
            let user = known(&opened, &self.name, &place).await?;
            if !may_do_everything(&grants) {
                self.name.must_not_be_last(&list(&opened).await?, self.force)?;
            }
            let user = StoredUser { grants: grants.clone(), ..user };
            let changed = ChangedUser::of(&user, None);
            put(&opened, user).await.map(|()| changed)
        })?;
        context.terminal().print(&changed)?;
        context.terminal().note(&format!("`{}` has {} from now on", self.name, printed(&grants)));
        Ok(())
    }
}

impl Passwd {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let place = self.storage.find(Expected::Catalogue, context)?;
        let user = context.block_on(async { known(&place.open().await?, &self.name, &place).await })?;
        let password = self.password.choose(&self.name, context)?;
        let user = StoredUser { password_hash: hash(password.text())?, ..user };
        context.block_on(async { put(&place.open().await?, user.clone()).await })?;
        context.terminal().print(&ChangedUser::of(&user, password.made()))?;
        context
            .terminal()
            .note("the password is changed; a server that runs may take the old one for a minute");
        Ok(())
    }
}

impl Rm {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let place = self.storage.find(Expected::Catalogue, context)?;
        let is_empty = context.block_on(async {
            let opened = place.open().await?;
            known(&opened, &self.name, &place).await?;
            self.name.must_not_be_last(&list(&opened).await?, self.force)?;
            let deleted =
                opened.storage.catalogue().delete_user(self.name.as_str(), plimsoll_server::now()).await;
            deleted.map_err(cannot("remove the user"))?;
            Ok(list(&opened).await?.is_empty())
        })?;
        let terminal = context.terminal();
        terminal.note(&format!("`{}` is removed; what they pushed stays", self.name));
        if is_empty {
            terminal.warn(
                "there are no users any more: when the server starts again, anybody on its machine may push and pull",
            );
        }
        Ok(())
    }
}

/// A user who was made or changed. What is printed for people is the password that was made up, and nothing else.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangedUser {
    api_version: &'static str,
    kind: &'static str,
    name: String,
    grants: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

impl ChangedUser {
    fn of(user: &StoredUser, made: Option<&Secret>) -> Self {
        Self {
            api_version: "plimsoll/v1",
            kind: "User",
            name: user.name.clone(),
            grants: user.grants.iter().map(Grant::to_string).collect(),
            password: made.map(|password| password.expose().to_owned()),
        }
    }
}

impl Report for ChangedUser {
    fn draw(&self, page: &mut Page) {
        if let Some(password) = &self.password {
            page.line(password);
        }
    }
}

fn hash(password: &Secret) -> Result<String, Failure> {
    hash_password(password.expose())
        .map_err(|error| Failure::usage("this password cannot be used").because(&error))
}

async fn find(opened: &Opened, name: &UserName) -> Result<Option<StoredUser>, Failure> {
    opened.storage.catalogue().find_user(name.as_str()).await.map_err(cannot("look up the user"))
}

async fn list(opened: &Opened) -> Result<Vec<StoredUser>, Failure> {
    opened.storage.catalogue().list_users().await.map_err(cannot("list the users"))
}

async fn put(opened: &Opened, user: StoredUser) -> Result<(), Failure> {
    opened.storage.catalogue().put_user(user).await.map_err(cannot("write the user down"))
}

async fn known(opened: &Opened, name: &UserName, place: &Place) -> Result<StoredUser, Failure> {
    find(opened, name).await?.ok_or_else(|| {
        Failure::usage(format!("there is no user `{name}`"))
            .at(place.described())
            .help(format!("plimsoll user ls {}", place.flag()))
    })
}

/// The server's address as it stands in references.
fn host(settings: &Settings) -> String {
    if let Some(url) = &settings.external_url {
        let host = url.split_once("://").map_or(url.as_str(), |(_, host)| host);
        return host.split('/').next().unwrap_or(host).to_owned();
    }
    match settings.listen.first() {
        Some(address) if !address.ip().is_loopback() && !address.ip().is_unspecified() => address.to_string(),
        Some(address) => format!("localhost:{}", address.port()),
        None => "HOST".to_owned(),
    }
}
