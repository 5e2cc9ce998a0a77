mod report;

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use plimsoll_oci::RegistryHost;
use plimsoll_store::Pattern;
use plimsoll_store::catalogue::ProjectName;
use plimsoll_transport::{RegistryClient, WarningCollector};
use serde::Deserialize;

use self::report::{ProjectDetails, ProjectList};
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::trust::{POLICY_FILE, Project as Stored, read_policy};

/// Set the rules for repositories of a server: who is trusted, and who has to approve
///
/// A project is a policy for the repositories that match. `plimsoll verify` takes it from the server where it is given
/// no other, and the server judges images by it.
#[derive(Debug, Args)]
pub(crate) struct Project {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Set(Set),
    Ls(Ls),
    Show(Show),
    Rm(Rm),
}

/// Make a project, or give it other rules
///
/// Only who may do everything may. The change and the whole policy are an entry of the transparency log.
#[derive(Debug, Args)]
struct Set {
    /// The project's name
    name: ProjectName,
    /// The server
    #[arg(value_name = "SERVER")]
    server: RegistryHost,
    /// Read the policy from the `trust` section of this file
    #[arg(long, value_name = "FILE", default_value = POLICY_FILE)]
    file: PathBuf,
    /// Which repositories; may be given several times [default: NAME/*]
    #[arg(long, value_name = "PATTERN")]
    repositories: Vec<Pattern>,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// List the projects over repositories that you may see
#[derive(Debug, Args)]
struct Ls {
    /// The server
    #[arg(value_name = "SERVER")]
    server: RegistryHost,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// Show the rules of a project
#[derive(Debug, Args)]
struct Show {
    /// The project's name
    name: ProjectName,
    /// The server
    #[arg(value_name = "SERVER")]
    server: RegistryHost,
    #[command(flatten)]
    registries: RegistryArguments,
}

/// Remove a project
#[derive(Debug, Args)]
struct Rm {
    /// The project's name
    name: ProjectName,
    /// The server
    #[arg(value_name = "SERVER")]
    server: RegistryHost,
    #[command(flatten)]
    registries: RegistryArguments,
}

#[derive(Deserialize)]
struct Listed {
    projects: Vec<Stored>,
}

impl Project {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match &self.action {
            Action::Set(set) => set.run(context),
            Action::Ls(ls) => ls.run(context),
            Action::Show(show) => show.run(context),
            Action::Rm(rm) => rm.run(context),
        }
    }
}

impl Set {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let policy = read_policy(&self.file)?;
        let repositories = match self.repositories.as_slice() {
            [] => vec![format!("{}/*", self.name)],
            patterns => patterns.iter().map(ToString::to_string).collect(),
        };
        let project = serde_json::json!({ "repositories": repositories, "policy": policy }).to_string();
        let registries = client(&self.registries, context)?;
        let json = context.block_on(async {
            let set = registries.set_project(&self.server, self.name.as_str(), project.into()).await;
            set.map_err(Failure::from)
        })?;
        let stored = Stored::parse(&json, &self.server)?;
        context.terminal().print(&ProjectDetails::of(&stored, &self.server)?)?;
        let patterns = stored.repositories.join(", ");
        context.terminal().note(&format!("`{}` has the rules for {patterns} from now on", self.name));
        Ok(())
    }
}

impl Ls {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let projects = list(&self.server, &self.registries, context)?;
        if projects.is_empty() {
            let help = format!("plimsoll project set NAME {}", self.server);
            context.terminal().note(&format!("there are no projects; make the first:  {help}"));
        }
        context.terminal().print(&ProjectList::of(&projects))
    }
}

impl Show {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let projects = list(&self.server, &self.registries, context)?;
        let found = projects.iter().find(|project| project.name == self.name.as_str());
        let project = found.ok_or_else(|| unknown(&self.name, &self.server))?;
        context.terminal().print(&ProjectDetails::of(project, &self.server)?)
    }
}

impl Rm {
    fn run(&self, context: &mut Context) -> Result<(), Failure> {
        let registries = client(&self.registries, context)?;
        let is_gone = context.block_on(async {
            registries.remove_project(&self.server, self.name.as_str()).await.map_err(Failure::from)
        })?;
        if !is_gone {
            return Err(unknown(&self.name, &self.server));
        }
        context
            .terminal()
            .note(&format!("`{}` is removed; its repositories have no rules by it any more", self.name));
        Ok(())
    }
}

fn list(
    server: &RegistryHost,
    registries: &RegistryArguments,
    context: &mut Context,
) -> Result<Vec<Stored>, Failure> {
    let registries = client(registries, context)?;
    let json = context.block_on(async { registries.list_projects(server).await.map_err(Failure::from) })?;
    let listed: Listed = serde_json::from_slice(&json).map_err(|error| {
        Failure::not_evaluated("the server's projects are not understood")
            .because(&error)
            .at(server.to_string())
    })?;
    listed.projects.iter().try_for_each(|project| project.check(server))?;
    Ok(listed.projects)
}

fn client(registries: &RegistryArguments, context: &mut Context) -> Result<RegistryClient, Failure> {
    Ok(registries.places(context, Arc::new(WarningCollector::default()))?.registries)
}

fn unknown(name: &ProjectName, server: &RegistryHost) -> Failure {
    Failure::usage(format!("there is no project `{name}`"))
        .at(server.to_string())
        .help(format!("plimsoll project ls {server}"))
}
