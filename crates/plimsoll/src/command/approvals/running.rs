//! Where images run that do not pass a gate, as their registry was told.

use jiff::Timestamp;
use plimsoll_oci::{Digest, RegistryHost, RepositoryName};
use plimsoll_transport::{Insight, Places};
use serde::{Deserialize, Serialize};

use super::places::Scope;
use crate::failure::Failure;
use crate::terminal::{Column, Page, Report, Table};

/// Most runs of one answer.
const RUNS_MAX: usize = 1_000_000;

/// A page as the server answers it, and all of them together.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Running {
    api_version: String,
    kind: String,
    gate: String,
    runs: Vec<Run>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    repository: RepositoryName,
    digest: Digest,
    place: String,
    begun_at_unix_ms: i64,
}

/// Asks the server that keeps track of both.
pub(super) async fn ask(places: &Places, gate: &str, scope: &Scope) -> Result<Running, Failure> {
    let host = scope.registry().ok_or_else(|| {
        Failure::usage("where images run is asked of a repository or a registry")
            .help("plimsoll approvals localhost:5000 --lacking GATE --running")
    })?;
    let mut all = page(places, host, gate, None).await?;
    while let Some(last) = all.last.take() {
        if all.runs.len() >= RUNS_MAX {
            let what = format!("more than {RUNS_MAX} runs are of images that do not pass {gate}");
            return Err(Failure::not_evaluated(what).at(host.to_string()).help("ask about a repository"));
        }
        let next = page(places, host, gate, Some(&last)).await?;
        all.runs.extend(next.runs);
        all.last = next.last;
    }
    all.runs.retain(|run| scope.holds(&run.repository));
    Ok(all)
}

async fn page(
    places: &Places,
    host: &RegistryHost,
    gate: &str,
    last: Option<&str>,
) -> Result<Running, Failure> {
    match places.registries.lacking_runs(host, gate, last).await? {
        Insight::Document(json) => serde_json::from_slice(&json).map_err(|error| {
            let failure = Failure::not_evaluated("the server's answer is not understood");
            failure.because(&error).at(host.to_string())
        }),
        Insight::Waiting | Insight::NotServed => {
            Err(Failure::not_evaluated(format!("`{host}` keeps no track of where images run"))
                .help("ask a Plimsoll server"))
        }
    }
}

impl Report for Running {
    fn draw(&self, page: &mut Page) {
        if self.runs.is_empty() {
            return page.line(&format!("nothing runs that has to pass {} and does not", self.gate));
        }
        let columns = ["WHERE", "REPOSITORY", "DIGEST", "SINCE"].map(Column::Left);
        let mut table = Table::new(&columns);
        for run in &self.runs {
            let digest = if page.is_wide() { run.digest.to_string() } else { run.digest.short() };
            let since = Timestamp::from_millisecond(run.begun_at_unix_ms).unwrap_or_default().to_string();
            table.row([run.place.clone(), run.repository.to_string(), digest, since]);
        }
        page.table(&table);
    }
}
