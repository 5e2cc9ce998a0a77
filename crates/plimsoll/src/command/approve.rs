mod before;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use plimsoll_attest::{Approval, Decision, PredicateType, Role, Scope, Seen, Statement, Ticket};
use plimsoll_oci::Digest;
use plimsoll_transport::{ImageName, WarningCollector};
use serde_json::value::to_raw_value;

use super::cp::read_name;
use super::robot::parse_expiry;
use crate::context::Context;
use crate::failure::Failure;
use crate::places::RegistryArguments;
use crate::signing::{Saying, SigningArguments, say, wall_clock};

/// Accept an image for a purpose
///
/// The approval is a signed statement that refers to the image, and travels with it. `plimsoll verify --gate` counts
/// the people who approve.
#[derive(Debug, Args)]
#[command(override_usage = "plimsoll approve [OPTIONS] --gate NAME --role ROLE --key KEY IMAGE")]
pub(crate) struct Approve {
    #[command(flatten)]
    words: Words,
}

/// Refuse an image for a purpose; no number of others makes up for it
#[derive(Debug, Args)]
#[command(override_usage = "plimsoll reject [OPTIONS] --gate NAME --role ROLE --key KEY IMAGE")]
pub(crate) struct Reject {
    #[command(flatten)]
    words: Words,
}

/// What is said with an approval or a rejection.
#[derive(Debug, Args)]
struct Words {
    /// The image: a reference or oci:DIR[:TAG]
    image: String,
    /// For which gate, such as prod
    #[arg(long, value_name = "NAME")]
    gate: String,
    /// In which of your roles, such as release-manager
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// Only for this environment; may be given several times
    #[arg(long = "environment", value_name = "NAME")]
    environments: Vec<String>,
    /// Only in this repository, and not where the image is copied to
    #[arg(long)]
    only_here: bool,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Where it was discussed; may be given several times
    #[arg(long = "ticket", value_name = "URI")]
    tickets: Vec<String>,
    /// How long it holds, such as 30d; until it is revoked by default
    #[arg(long, value_name = "TIME", value_parser = parse_expiry)]
    expires: Option<Duration>,
    /// Do not write down what is said about the image now
    #[arg(long)]
    blind: bool,
    #[command(flatten)]
    signing: SigningArguments,
    #[command(flatten)]
    registries: RegistryArguments,
}

impl Approve {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        self.words.say(Decision::Approved, context)
    }
}

impl Reject {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), Failure> {
        self.words.say(Decision::Rejected, context)
    }
}

impl Words {
    fn say(&self, decision: Decision, context: &mut Context) -> Result<(), Failure> {
        let image = read_name(&self.image, context)?;
        let evidence = if self.blind { Vec::new() } else { self.look(&image, context)? };
        let approval = self.approval(decision, &image, evidence, wall_clock())?;
        let key = self.signing.open(context)?;
        let statement = |digest: &Digest| statement_of(digest, &approval);
        say(&Saying { image: &image, key: &key, statement: &statement }, &self.registries, context)
    }

    /// Shows what is said about the image, so that the approver knows what they approve with.
    fn look(&self, image: &ImageName, context: &mut Context) -> Result<Vec<Seen>, Failure> {
        let places = self.registries.places(context, Arc::new(WarningCollector::default()))?;
        let seen = context.block_on(before::evidence_before(&places, image))?;
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for one in &seen {
            *kinds.entry(one.predicate_type.short_name()).or_default() += 1;
        }
        let told: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} × {kind}")).collect();
        let told =
            if told.is_empty() { "nothing is said about the image yet".to_owned() } else { told.join(", ") };
        context.terminal().note(&format!("before you: {told}; it is written into what you say"));
        Ok(seen)
    }

    fn approval(
        &self,
        decision: Decision,
        image: &ImageName,
        evidence: Vec<Seen>,
        now: Timestamp,
    ) -> Result<Approval, Failure> {
        let resource_uri = if self.only_here { Some(only_here(image)?) } else { None };
        Ok(Approval {
            decision,
            role: self.role.clone(),
            gate: self.gate.clone(),
            scope: Scope { environments: self.environments.clone(), resource_uri },
            evidence,
            reason: self.reason.clone(),
            tickets: self.tickets.iter().map(|uri| Ticket { uri: uri.clone() }).collect(),
            issued_at: now,
            not_before: None,
            expires_at: self.expires.map(|after| end_of(now, after)).transpose()?,
            revokes: Vec::new(),
        })
    }
}

/// The statement that an approval is.
pub(super) fn statement_of(digest: &Digest, approval: &Approval) -> Statement {
    let predicate = to_raw_value(approval).expect("texts and times serialise");
    Statement::about(digest, PredicateType::APPROVAL, predicate)
}

/// The repository that an image is in, without its tag; nothing for one that is in none.
pub(super) fn repository_of(image: &ImageName) -> Option<String> {
    match image {
        ImageName::Registry { reference, .. } => {
            Some(format!("{}/{}", reference.registry, reference.repository))
        }
        _ => None,
    }
}

pub(super) fn only_here(image: &ImageName) -> Result<String, Failure> {
    let nowhere = || Failure::usage(format!("`{image}` is in no repository")).help("leave --only-here out");
    repository_of(image).ok_or_else(nowhere)
}

pub(super) fn end_of(now: Timestamp, after: Duration) -> Result<Timestamp, Failure> {
    let end = SignedDuration::try_from(after).ok().and_then(|after| now.checked_add(after).ok());
    end.ok_or_else(|| Failure::usage("the approval would outlive the calendar"))
}
