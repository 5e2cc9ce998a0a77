//! Exceptions: risks that people accept in a repository, as far as the rules of its project let them.
//!
//! They refer to the image in which a finding was accepted, and hold for every image of the repository: a rebuild does not
//! ask the same question again.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use plimsoll_attest::{Exception, GrantedException, Proven};
use plimsoll_oci::{Digest, RepositoryName};
use plimsoll_registry::access::{CanList, CanPull};
use plimsoll_registry::{DocumentKind, EventsPage, Insight, Known, KnownEvents, LineQuestion};
use plimsoll_transport::verify_evidence;
use plimsoll_vuln::acceptance::{Acceptance, Saw};
use plimsoll_vuln::severity::Severity;

use super::judge::proven;
use super::stored::StoredRepository;
use super::summary::moment;
use super::{Judge, JudgeError, server};
use crate::scan::{ImageReport, Scanner};

/// Most images of one repository whose exceptions are read.
const SUBJECTS_MAX: usize = 1000;

impl Judge {
    /// What is accepted in a repository now.
    async fn acceptances(&self, repository: &RepositoryName) -> Result<Vec<Acceptance>, JudgeError> {
        let Some(rules) = self.parts.projects.rules_for(repository).await? else { return Ok(Vec::new()) };
        let catalogue = self.parts.storage.catalogue();
        let subjects = catalogue.subjects_of_exceptions(repository, SUBJECTS_MAX).await?;
        let source = StoredRepository::new(self.parts.registry.clone(), &server(), repository)?;
        let (resource, now) = (self.resource(repository), moment());
        let mut acceptances = Vec::new();
        for subject in subjects {
            let evidence = verify_evidence(&source, &subject, &rules.policy.trust, now).await?;
            let proven: Vec<Proven<'_>> = evidence.iter().filter_map(proven).collect();
            let granted = Exception::granted(&proven, &resource, now);
            acceptances.extend(granted.into_iter().filter_map(acceptance));
        }
        Ok(acceptances)
    }
}

/// What an exception accepts. One whose package or severity is not understood accepts nothing.
fn acceptance(granted: GrantedException) -> Option<Acceptance> {
    let GrantedException { exception, person, bundle } = granted;
    let severity =
        Severity::WORST_FIRST.into_iter().find(|known| known.to_string() == exception.saw.severity)?;
    Some(Acceptance {
        ids: exception.vulnerabilities,
        purl: exception.package.map(|package| package.parse()).transpose().ok()?,
        reason: exception.reason,
        owner: exception.owner,
        granted_by: person,
        evidence: bundle.to_string(),
        expires_at: exception.expires_at,
        saw: Saw { severity, exploited: exception.saw.exploited, fixed: exception.saw.fixed },
    })
}

/// What is known of images, with what people accept of it.
pub(crate) struct AcceptingInsight {
    pub(crate) scanner: Scanner,
    pub(crate) judge: Judge,
}

impl AcceptingInsight {
    async fn report(&self, image: Digest, name: &str, can_list: &CanList) -> Known {
        match self.scanner.report(image, name, can_list).await {
            Ok(ImageReport::Known(mut report)) => {
                if let Some(repository) = repository_in(name) {
                    let accepted = self.judge.acceptances(&repository).await.unwrap_or_else(|error| {
                        // Without exceptions more counts, and not less.
                        tracing::warn!(%repository, error = &error as &dyn std::error::Error, "cannot read exceptions");
                        Vec::new()
                    });
                    report.accept(&accepted, moment());
                }
                match serde_json::to_vec(&report) {
                    Ok(json) => Known::Document(json),
                    Err(error) => Known::Failed(error.to_string()),
                }
            }
            Ok(ImageReport::Waiting) => Known::Waiting,
            Ok(ImageReport::NotEvaluated(why)) => Known::NotEvaluated(why),
            Ok(ImageReport::NotImage) => Known::NotImage,
            Err(error) => Known::Failed(error.to_string()),
        }
    }
}

/// The repository in `repository:tag` or `repository@digest`.
fn repository_in(name: &str) -> Option<RepositoryName> {
    let (repository, _) = name.split_once('@').or_else(|| name.rsplit_once(':'))?;
    repository.parse().ok()
}

impl Insight for AcceptingInsight {
    fn document<'a>(
        &'a self,
        image: Digest,
        name: &'a str,
        kind: DocumentKind,
        can_list: &'a CanList,
    ) -> BoxFuture<'a, Known> {
        match kind {
            DocumentKind::Report => self.report(image, name, can_list).boxed(),
            _ => self.scanner.document(image, name, kind, can_list),
        }
    }

    fn locate<'a>(&'a self, vulnerability: &'a str, can_list: &'a CanList) -> BoxFuture<'a, Known> {
        self.scanner.locate(vulnerability, can_list)
    }

    fn events<'a>(&'a self, page: EventsPage, can_list: &'a CanList) -> BoxFuture<'a, KnownEvents> {
        self.scanner.events(page, can_list)
    }

    fn line<'a>(
        &'a self,
        question: &'a LineQuestion,
        can_pull: &'a CanPull,
        can_list: &'a CanList,
    ) -> BoxFuture<'a, Known> {
        self.scanner.line(question, can_pull, can_list)
    }

    fn warning(&self, image: Digest) -> Option<String> {
        self.scanner.warning(image)
    }

    fn warning_of_pushed(&self, image: Digest) -> BoxFuture<'_, Option<String>> {
        self.scanner.warning_of_pushed(image)
    }
}
