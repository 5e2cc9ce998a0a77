//! The distribution API over HTTP: parse, find out who asks, run one operation, answer in the specification's words.

mod answer;
mod authorize;
mod blobs;
mod body;
mod error;
mod insights;
mod lists;
mod log;
mod manifests;
mod projects;
mod provenance;
mod range;
mod route;
mod testimony;
mod token;
mod uploads;
mod verdicts;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response};

use crate::access::{Identity, ShownBy};
use crate::auth::{AuthError, Authenticator, Origin};
use crate::{Insight, Ledger, Notary, Registry, Testimony, Verdicts};

pub use body::{RequestBody, ResponseBody};
pub use route::{Endpoint, is_registry_path};

use error::ErrorResponse;
use route::Call;

/// What an answer is about, for the log and the metrics; kept among the answer's extensions.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// Which endpoint answered.
    pub endpoint: Option<Endpoint>,
    /// Who asked.
    pub actor: Option<String>,
    /// The digest that was served, stored or deleted.
    pub digest: Option<String>,
    /// What went wrong, in words for the operator.
    pub failure: Option<String>,
}

/// The registry's door.
#[derive(Clone)]
pub struct Door {
    parts: Arc<DoorParts>,
}

struct DoorParts {
    registry: Registry,
    authenticator: Authenticator,
    /// The address that clients know this registry by, where it is not the one they connect to.
    external_url: Option<String>,
    services: Services,
}

/// What whoever puts the server together brings to the door beside the registry.
#[derive(Clone, Default)]
pub struct Services {
    /// What is known of images beyond their bytes.
    pub insight: Option<Arc<dyn Insight>>,
    /// The log of what was accepted.
    pub ledger: Option<Arc<dyn Ledger>>,
    /// Who vouches for builds.
    pub notary: Option<Arc<dyn Notary>>,
    /// Who judges images by the rules of their projects.
    pub verdicts: Option<Arc<dyn Verdicts>>,
    /// What is said about images, and how it hangs together.
    pub testimony: Option<Arc<dyn Testimony>>,
}

/// What every endpoint gets to see of a request.
struct Asked<'a> {
    registry: &'a Registry,
    identity: &'a Identity,
    insight: Option<&'a dyn Insight>,
    ledger: Option<&'a dyn Ledger>,
    notary: Option<&'a dyn Notary>,
    verdicts: Option<&'a dyn Verdicts>,
    testimony: Option<&'a dyn Testimony>,
    head: &'a Parts,
}

impl Asked<'_> {
    fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The address at its other end.
    pub peer: IpAddr,
    /// Whether it is encrypted.
    pub is_tls: bool,
}

impl Door {
    /// Opens the door to a registry.
    pub fn new(
        registry: Registry,
        authenticator: Authenticator,
        external_url: Option<String>,
        services: Services,
    ) -> Self {
        Self { parts: Arc::new(DoorParts { registry, authenticator, external_url, services }) }
    }

    /// Answers a request below `/v2/` or `/log/`, or to `/token`.
    pub async fn answer<B: RequestBody>(
        &self,
        request: Request<B>,
        from: Connection,
    ) -> Response<ResponseBody> {
        let (head, body) = request.into_parts();
        let mut served = Served::default();
        let answered = self.try_answer(&head, body, from, &mut served).await;
        let mut response = answered.unwrap_or_else(|error| {
            served.failure = Some(error.for_operator().to_owned());
            error.into_response()
        });
        if served.digest.is_none() {
            served.digest = answer::digest_of(&response);
        }
        response.extensions_mut().insert(served);
        answer::finish(response)
    }

    async fn try_answer<B: RequestBody>(
        &self,
        head: &Parts,
        body: B,
        from: Connection,
        served: &mut Served,
    ) -> Result<Response<ResponseBody>, ErrorResponse> {
        let call = Call::parse(&head.method, &head.uri)?;
        served.endpoint = Some(call.endpoint());
        let authorization =
            head.headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let origin = Origin { peer: from.peer, is_forwarded: authorize::is_forwarded(head) };
        let authenticator = &self.parts.authenticator;
        if let Call::Token = call {
            return token::answer(authenticator, head, body, authorization, origin).await;
        }
        let challenge = || authorize::Challenge::new(self, head, from, &call);
        let identity = match authenticator.identify(authorization, origin).await {
            Ok(identity) => identity,
            Err(error) => return Err(challenge().refuse(error)),
        };
        served.actor = Some(identity.name.clone());
        // Clients learn here, and nowhere else, how to sign in; whoever may pull without it gets a token for that.
        if matches!(call, Call::Ping) && identity.shown_by == ShownBy::Nothing {
            return Err(challenge().refuse(AuthError::Missing));
        }
        let services = &self.parts.services;
        let asked = Asked {
            registry: &self.parts.registry,
            identity: &identity,
            insight: services.insight.as_deref(),
            ledger: services.ledger.as_deref(),
            notary: services.notary.as_deref(),
            verdicts: services.verdicts.as_deref(),
            testimony: services.testimony.as_deref(),
            head,
        };
        let answered = dispatch(&asked, &call, body).await;
        answered.map_err(|error| error.challenged_if_denied(&identity, challenge))
    }
}

async fn dispatch<B: RequestBody>(
    asked: &Asked<'_>,
    call: &Call,
    body: B,
) -> Result<Response<ResponseBody>, ErrorResponse> {
    match call {
        Call::Ping => Ok(answer::json(http::StatusCode::OK, Bytes::from_static(b"{}"))),
        Call::Token => Err(ErrorResponse::no_such_endpoint()),
        Call::ListRepositories(page) => lists::repositories(asked, page).await,
        Call::ListTags(repository, page) => lists::tags(asked, repository, page).await,
        Call::TagHistory(repository, tag) => lists::tag_history(asked, repository, tag.as_ref()).await,
        Call::Document(repository, reference, kind) => {
            insights::document(asked, repository, reference, *kind).await
        }
        Call::Locate(vulnerability) => insights::locate(asked, vulnerability).await,
        Call::ImageLine(repository, reference, what) => {
            insights::line(asked, repository, reference, what).await
        }
        Call::ListEvents(page) => insights::events(asked, *page).await,
        Call::FindPush(repository, digest) => manifests::push_record(asked, repository, *digest).await,
        Call::Vouch(repository, reference) => provenance::vouch(asked, repository, reference, body).await,
        Call::Trace(repository, reference) => testimony::trace(asked, repository, reference).await,
        Call::TraceAll(of) => testimony::trace_all(asked, of).await,
        Call::ListFacts(repository, after) => testimony::facts(asked, repository, *after).await,
        Call::Observe(repository, image) => testimony::observe(asked, repository, *image, body).await,
        Call::ReadLog(what) => log::read(asked, what).await,
        Call::WriteLog => log::submit(asked, body).await,
        Call::ListProjects => projects::list(asked).await,
        Call::GetProject(name) => projects::get(asked, name).await,
        Call::PutProject(name) => projects::put(asked, name, body).await,
        Call::DeleteProject(name) => projects::delete(asked, name).await,
        Call::GetPolicy(repository) => projects::governing(asked, repository).await,
        Call::ListLacking(question) => verdicts::lacking(asked, question).await,
        Call::GetVerdict(repository, reference, gate) => {
            verdicts::get(asked, repository, reference, gate.as_deref()).await
        }
        Call::ListReferrers(repository, subject, filter) => {
            lists::referrers(asked, repository, *subject, filter).await
        }
        Call::GetManifest(repository, reference) => manifests::get(asked, repository, reference).await,
        Call::PutManifest(repository, reference, tags) => {
            manifests::put(asked, repository, reference, tags, body).await
        }
        Call::DeleteManifest(repository, reference) => manifests::delete(asked, repository, reference).await,
        Call::GetBlob(repository, digest) => blobs::get(asked, repository, *digest).await,
        Call::DeleteBlob(repository, digest) => blobs::delete(asked, repository, *digest).await,
        Call::BeginUpload(repository, start) => uploads::begin(asked, repository, start, body).await,
        Call::GetUpload(repository, id) => uploads::status(asked, repository, *id).await,
        Call::AppendToUpload(repository, id) => uploads::append(asked, repository, *id, body).await,
        Call::CloseUpload(repository, id, digest) => {
            uploads::close(asked, repository, *id, *digest, body).await
        }
        Call::CancelUpload(repository, id) => uploads::cancel(asked, repository, *id).await,
    }
}
