mod approvals;
mod approve;
mod attest;
mod audit;
mod backup;
mod base;
mod budget;
mod build;
mod completions;
mod config;
mod cp;
mod db;
mod events;
mod evidence;
mod except;
mod exceptions;
mod fsck;
mod gc;
mod import;
mod inspect;
mod introduced;
mod key;
mod layers;
mod lint;
mod log;
mod login;
mod logout;
mod ls;
mod man;
mod moment;
mod observe;
mod project;
mod pull;
mod push;
mod restore;
mod revoke;
mod rights;
mod robot;
mod sbom;
mod scan;
mod serve;
mod sign;
mod slim;
mod storage;
mod surface;
mod tags;
mod trace;
mod trust;
mod user;
mod verdict;
mod verify;
mod version;
mod whereabouts;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;
use crate::logging::DefaultLevel;

/// What the program can do. Each command is one file with its arguments and a `run`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Inspect(inspect::Inspect),
    Layers(layers::Layers),
    Surface(surface::Surface),
    Budget(Box<budget::Budget>),
    Base(base::Base),
    Lint(lint::Lint),
    Build(Box<build::Build>),
    Scan(Box<scan::Scan>),
    Sbom(sbom::Sbom),
    Slim(Box<slim::Slim>),
    Where(whereabouts::Where),
    Introduced(introduced::Introduced),
    Events(events::ListEvents),
    Ls(ls::Ls),
    Tags(tags::Tags),
    Verify(verify::Verify),
    Verdict(verdict::Verdict),
    Sign(sign::Sign),
    Attest(attest::Attest),
    Approve(approve::Approve),
    Approvals(approvals::Approvals),
    Reject(approve::Reject),
    Revoke(revoke::Revoke),
    Except(except::Except),
    Exceptions(exceptions::Exceptions),
    Trace(trace::Trace),
    Observe(observe::Observe),
    Audit(audit::Audit),
    Evidence(evidence::Evidence),
    Key(key::Key),
    Cp(cp::Cp),
    Pull(pull::Pull),
    Push(push::Push),
    Login(login::Login),
    Logout(logout::Logout),
    Serve(serve::Serve),
    User(user::User),
    Robot(robot::Robot),
    Import(import::Import),
    Gc(gc::Gc),
    Fsck(fsck::Fsck),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Project(project::Project),
    Log(log::Log),
    Trust(trust::Trust),
    Db(db::Db),
    Config(config::Config),
    Completions(completions::Completions),
    Man(man::Man),
    Version(version::Version),
}

impl Command {
    /// What it logs unasked.
    pub(crate) fn default_level(&self) -> DefaultLevel {
        match self {
            Self::Serve(_) => DefaultLevel::Events,
            _ => DefaultLevel::Warnings,
        }
    }

    /// Runs the command.
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Inspect(inspect) => inspect.run(context),
            Self::Layers(layers) => layers.run(context),
            Self::Surface(surface) => surface.run(context),
            Self::Budget(budget) => budget.run(context),
            Self::Base(base) => base.run(context),
            Self::Lint(lint) => lint.run(context),
            Self::Build(build) => build.run(context),
            Self::Scan(scan) => scan.run(context),
            Self::Sbom(sbom) => sbom.run(context),
            Self::Slim(slim) => slim.run(context),
            Self::Where(place) => place.run(context),
            Self::Introduced(introduced) => introduced.run(context),
            Self::Events(events) => events.run(context),
            Self::Ls(ls) => ls.run(context),
            Self::Tags(tags) => tags.run(context),
            Self::Verify(verify) => verify.run(context),
            Self::Verdict(verdict) => verdict.run(context),
            Self::Sign(sign) => sign.run(context),
            Self::Attest(attest) => attest.run(context),
            Self::Approve(approve) => approve.run(context),
            Self::Approvals(approvals) => approvals.run(context),
            Self::Reject(reject) => reject.run(context),
            Self::Revoke(revoke) => revoke.run(context),
            Self::Except(except) => except.run(context),
            Self::Exceptions(exceptions) => exceptions.run(context),
            Self::Trace(trace) => trace.run(context),
            Self::Observe(observe) => observe.run(context),
            Self::Audit(audit) => audit.run(context),
            Self::Evidence(evidence) => evidence.run(context),
            Self::Key(key) => key.run(context),
            Self::Cp(cp) => cp.run(context),
            Self::Pull(pull) => pull.run(context),
            Self::Push(push) => push.run(context),
            Self::Login(login) => login.run(context),
            Self::Logout(logout) => logout.run(context),
            Self::Serve(serve) => serve.run(context),
            Self::User(user) => user.run(context),
            Self::Robot(robot) => robot.run(context),
            Self::Import(import) => import.run(context),
            Self::Gc(gc) => gc.run(context),
            Self::Fsck(fsck) => fsck.run(context),
            Self::Backup(backup) => backup.run(context),
            Self::Restore(restore) => restore.run(context),
            Self::Project(project) => project.run(context),
            Self::Log(log) => log.run(context),
            Self::Trust(trust) => trust.run(context),
            Self::Db(db) => db.run(context),
            Self::Config(config) => config.run(context),
            Self::Completions(completions) => completions.run(context),
            Self::Man(man) => man.run(context),
            Self::Version(version) => version.run(context),
        }
    }
}

/// The commands of the first help screen, by what people want to do.
const GROUPS: &[(&str, &[(&str, &str)])] = &[
    (
        "Images",
        &[
            ("inspect", "Explain what an image is made of"),
            ("layers", "Tell which bytes of an image nobody needs, and why"),
            ("surface", "Count what an image offers to whoever gets in"),
            ("base", "Tell on which other base an image could stand"),
            ("budget", "Judge an image by what its project allows it to weigh and offer"),
            ("lint", "Judge a Dockerfile by what ends in the image"),
            ("build", "Build an image, and bring it with its evidence into a registry"),
            ("scan", "Judge an image by what is known against its components"),
            ("sbom", "List what is inside an image"),
            ("slim", "Make an image smaller, with a reason for every file"),
            ("where", "Tell which images of a registry a vulnerability is in"),
            ("introduced", "Tell when a vulnerability entered an image line, and why"),
            ("events", "Tell what new advisories meant for the images of a registry"),
            ("cp", "Copy an image between registries, layouts and archives"),
            ("pull", "Copy an image from a registry to an OCI layout"),
            ("push", "Copy an image into a registry"),
        ],
    ),
    (
        "Evidence",
        &[
            ("verify", "Check that the right people vouch for an image"),
            ("verdict", "Ask a server whether an image passes the rules of its project"),
            ("sign", "Sign an image"),
            ("attest", "Say something about an image, and sign it"),
            ("approve", "Accept an image for a purpose"),
            ("approvals", "List who approved what, until when, and whether it counts"),
            ("reject", "Refuse an image for a purpose"),
            ("revoke", "Take an approval, a rejection or an exception back"),
            ("except", "Accept a vulnerability in an image for a time"),
            ("exceptions", "List the risks that people accept in an image, and hand them on"),
            ("trace", "Follow an image back to its build, its commit and its base"),
            ("observe", "Tell a registry where an image runs"),
            ("audit", "Hand all evidence of a repository to an auditor"),
            ("evidence", "List what is said about an image, and fetch it"),
            ("key", "Make and manage the keys that images are signed with"),
            ("log", "Check a server's transparency log, and take proofs from it"),
            ("trust", "Tell other tools whom to trust"),
            ("project", "Keep the rules for repositories in a server"),
        ],
    ),
    (
        "Registries",
        &[
            ("ls", "List the repositories of a registry"),
            ("tags", "List the tags of a repository, or how they moved"),
            ("login", "Log in to a registry"),
            ("logout", "Forget the login to a registry"),
        ],
    ),
    (
        "Server",
        &[
            ("serve", "Run the registry"),
            ("user", "Manage the people who may sign in"),
            ("robot", "Manage the tokens of machines"),
            ("import", "Bring an image into the storage without a server that runs"),
            ("gc", "Take away what no image needs any more"),
            ("fsck", "Check that every byte is what it was pushed as"),
            ("backup", "Write everything that the server keeps into one file"),
            ("restore", "Put a backup back into an empty storage"),
        ],
    ),
    (
        "This program",
        &[
            ("db", "Manage the advisories that images are judged by"),
            ("config", "Show the settings in force"),
            ("completions", "Print completions for a shell"),
            ("man", "Write the manual pages"),
            ("version", "Print the version"),
        ],
    ),
];

const EXAMPLES: &[(&str, &str)] = &[
    ("plimsoll inspect debian:12", "layers, sizes and waste"),
    ("plimsoll inspect oci:./image -o json", "the same for programs"),
    ("plimsoll cp -r debian:12 oci:./debian", "an image with all its evidence"),
    ("plimsoll config show --origin", "each setting and where it comes from"),
];

/// The first help screen: examples, then the commands in groups.
pub(crate) fn first_help() -> String {
    let mut text = String::from("{about}\n\n{usage-heading} {usage}\n\nExamples:\n");
    for (command, effect) in EXAMPLES {
        text.push_str(&format!("  {command:<38} {effect}\n"));
    }
    for (group, commands) in GROUPS {
        text.push_str(&format!("\n{group}:\n"));
        for (name, effect) in *commands {
            text.push_str(&format!("  {name:<13} {effect}\n"));
        }
    }
    text.push_str(
        "\nOptions:\n{options}\n\nExit codes: 0 pass, 1 gate failed, 2 wrong usage, 3 could not evaluate",
    );
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::arguments::command_line;

    #[test]
    fn the_first_help_screen_names_every_command_once_and_few_of_them() {
        let grouped: Vec<&str> =
            GROUPS.iter().flat_map(|(_, commands)| commands.iter().map(|(name, _)| *name)).collect();
        let grammar = command_line();
        let visible: BTreeSet<&str> = grammar
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(clap::Command::get_name)
            .collect();
        assert_eq!(grouped.iter().copied().collect::<BTreeSet<_>>(), visible);
        assert_eq!(grouped.len(), visible.len());
    }

    #[test]
    fn the_grammar_holds() {
        command_line().debug_assert();
    }
}
