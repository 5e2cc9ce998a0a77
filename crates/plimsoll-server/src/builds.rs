//! How images were built: the server vouches for what it learns from the tokens of CI systems.

mod issuer_keys;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use plimsoll_attest::{
    BuildRecord, BuildRun, CiKind, EMPTY_CONFIG, ExpectedToken, KeySet, PredicateType, Statement,
    TokenClaims, TokenError, Witness, claimed_issuer, referrer, sign, verify_token,
};
use plimsoll_registry::access::CanPush;
use plimsoll_registry::{Build, Notary, NotaryError, Referrer};
use plimsoll_transport::DocumentClient;

use self::issuer_keys::IssuerKeys;
use crate::now;
use crate::signing_keys::{Purpose, SigningKeys};

/// Whose tokens the server believes.
#[derive(Clone, Debug)]
pub struct BuildsConfig {
    /// Who issues them.
    pub issuers: Vec<TokenIssuer>,
    /// What fetches their keys.
    pub documents: DocumentClient,
}

/// Somebody who issues tokens to builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIssuer {
    /// What the claim `iss` must be.
    pub issuer: String,
    /// What the claim `aud` must be.
    pub audience: String,
    /// Where its keys are.
    pub keys: KeyPlace,
    /// Whose claims it makes.
    pub kind: CiKind,
    /// Who builds there, if its tokens are not to say so.
    pub builder: Option<String>,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// Over HTTPS.
    Url(String),
    /// In a file, for sites without a network.
    File(PathBuf),
}

/// Vouches for builds whose CI system the server believes.
pub(crate) struct BuildNotary {
    issuers: Vec<(TokenIssuer, IssuerKeys)>,
    keys: Arc<SigningKeys>,
}

impl BuildNotary {
    pub(crate) fn new(config: BuildsConfig, keys: Arc<SigningKeys>) -> Self {
        let with_keys = |issuer: TokenIssuer| {
            let keys = IssuerKeys::new(issuer.keys.clone(), config.documents.clone());
            (issuer, keys)
        };
        Self { issuers: config.issuers.into_iter().map(with_keys).collect(), keys }
    }

    async fn vouch_for(&self, can_push: &CanPush, build: Build<'_>) -> Result<Referrer, NotaryError> {
        let (issuer, run) = self.learn(build.token).await?;
        let record = read_record(&build.declared)?;
        record.check_against(&run).map_err(|error| NotaryError::Declared(error.to_string()))?;
        let witness = Witness::Token(issuer.issuer.clone());
        let predicate = record.to_predicate(&run, &witness, env!("CARGO_PKG_VERSION"));
        tracing::info!(
            actor = can_push.actor(),
            repository = %can_push.repository(),
            image = %build.subject.digest,
            builder = run.builder.as_deref(),
            invocation = run.invocation.as_deref(),
            "a build is vouched for"
        );
        let statement = Statement::about(&build.subject.digest, PredicateType::PROVENANCE, predicate);
        let failed = |error: plimsoll_attest::SignError| NotaryError::Failed(error.to_string());
        let bundle = sign(&statement, self.keys.of(Purpose::Builder)).map_err(failed)?;
        let created = clock_time().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let made = referrer(&bundle, &statement.predicate_type, &build.subject, &created);
        let config = (made.config.digest, Bytes::from_static(EMPTY_CONFIG));
        let layer = (made.layer.digest, Bytes::from(made.bundle));
        Ok(Referrer { blobs: vec![config, layer], manifest: made.manifest.into() })
    }

    /// What a token shows of a build. One issuer may be there several times, for other audiences or with other keys: the
    /// first for which the token is good counts.
    async fn learn(&self, token: &str) -> Result<(&TokenIssuer, BuildRun), NotaryError> {
        let shape = || NotaryError::Token(TokenError::Shape.to_string());
        let named = claimed_issuer(token).ok_or_else(shape)?;
        let (mut refused, mut unavailable) = (Vec::new(), None);
        for (issuer, keys) in self.issuers.iter().filter(|(issuer, _)| issuer.issuer == named) {
            match learn_by(issuer, keys, token).await {
                Ok(run) => return Ok((issuer, run)),
                Err(NotaryError::Token(reason)) if refused.contains(&reason) => {}
                Err(NotaryError::Token(reason)) => refused.push(reason),
                Err(error) => unavailable = Some(error),
            }
        }
        // Keys that cannot be had now may be those of the token.
        if let Some(error) = unavailable {
            return Err(error);
        }
        if refused.is_empty() {
            let shown: String = named.chars().take(200).collect();
            refused.push(format!("tokens of `{shown}` are not believed here: it is not among `ci.issuers`"));
        }
        Err(NotaryError::Token(refused.join("; ")))
    }
}

async fn learn_by(issuer: &TokenIssuer, keys: &IssuerKeys, token: &str) -> Result<BuildRun, NotaryError> {
    let claims = verify_by(issuer, keys, token).await?;
    let run = BuildRun::of_token(issuer.kind, &issuer.issuer, issuer.builder.as_deref(), &claims);
    run.map_err(|error| NotaryError::Token(error.to_string()))
}

async fn verify_by(issuer: &TokenIssuer, keys: &IssuerKeys, token: &str) -> Result<TokenClaims, NotaryError> {
    let verify = |keys: &KeySet| {
        let expected = ExpectedToken { issuer: &issuer.issuer, audience: &issuer.audience, keys };
        verify_token(token, &expected, clock_time())
    };
    let mut verified = verify(&*keys.current(clock_time()).await?);
    if verified.as_ref().is_err_and(TokenError::is_unknown_key)
        && let Some(newer) = keys.newer(clock_time()).await
    {
        verified = verify(&newer);
    }
    verified.map_err(|error| NotaryError::Token(error.to_string()))
}

impl Notary for BuildNotary {
    fn vouch<'a>(
        &'a self,
        can_push: &'a CanPush,
        build: Build<'a>,
    ) -> BoxFuture<'a, Result<Referrer, NotaryError>> {
        self.vouch_for(can_push, build).boxed()
    }
}

/// What a build declares; one that declares nothing says so with an empty object.
fn read_record(json: &[u8]) -> Result<BuildRecord, NotaryError> {
    let record: BuildRecord = serde_json::from_slice(json).map_err(|error| {
        NotaryError::Declared(format!("the description of the build is not understood: {error}"))
    })?;
    record.check().map_err(|error| NotaryError::Declared(error.to_string()))?;
    Ok(record)
}

fn clock_time() -> Timestamp {
    Timestamp::from_millisecond(now().unix_ms()).unwrap_or_default()
}
