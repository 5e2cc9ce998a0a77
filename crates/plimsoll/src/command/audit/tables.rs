//! Tables for people: the same rows as CSV and as JSON.

use jiff::Timestamp;
use serde::Serialize;

use super::files::Files;
use super::rows::{FactRow, RunRow, TagRow};
use crate::failure::Failure;

/// Writes all tables below `tables/`.
pub(super) fn write(
    files: &mut Files,
    facts: &[FactRow],
    moves: &[TagRow],
    runs: &[RunRow],
) -> Result<(), Failure> {
    let columns = [
        "observed_at",
        "stated_at",
        "image",
        "statement",
        "decision",
        "gate",
        "tickets",
        "reason",
        "valid_until",
        "builder",
        "source",
        "commit",
        "key",
        "evidence",
        "log_index",
        "deleted_at_index",
        "problem",
    ];
    table(files, "statements", facts, &columns, |fact| statement(fact).to_vec())?;
    let approvals: Vec<&FactRow> = facts.iter().filter(|fact| fact.summary.decision.is_some()).collect();
    table(files, "approvals", &approvals, &columns, |fact| statement(fact).to_vec())?;
    let columns = ["moved_at", "tag", "from", "to", "by"];
    table(files, "tags", moves, &columns, |one| {
        let digest = |digest: &Option<plimsoll_oci::Digest>| shown(digest.as_ref());
        let by = one.moved_by.clone().unwrap_or_default();
        vec![
            time(Some(one.moved_at_unix_ms)),
            one.tag.clone(),
            digest(&one.previous),
            digest(&one.digest),
            by,
        ]
    })?;
    let columns = ["from", "to", "place", "image", "told_by", "told_at", "log_index"];
    table(files, "runs", runs, &columns, |run| {
        vec![
            time(Some(run.begun_at_unix_ms)),
            time(run.ended_at_unix_ms),
            run.place.clone(),
            run.image.to_string(),
            run.told_by.clone(),
            time(Some(run.told_at_unix_ms)),
            shown(run.log_index.as_ref()),
        ]
    })
}

fn statement(fact: &FactRow) -> [String; 17] {
    let said = &fact.summary;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        time(fact.observed_at_unix_ms),
        time(fact.stated_at_unix_ms),
        shown(fact.subject.as_ref()),
        text(&fact.predicate_type),
        text(&said.decision),
        text(&said.gate),
        said.tickets.join(" "),
        text(&said.reason),
        time(fact.valid_until_unix_ms),
        text(&said.builder),
        text(&said.source),
        text(&said.commit),
        text(&fact.key_id),
        fact.manifest.to_string(),
        shown(fact.log_index.as_ref()),
        shown(fact.retracted_at_index.as_ref()),
        text(&fact.problem),
    ]
}

fn table<R: Serialize>(
    files: &mut Files,
    name: &str,
    rows: &[R],
    columns: &[&str],
    cells: impl Fn(&R) -> Vec<String>,
) -> Result<(), Failure> {
    let mut text = columns.join(",");
    text.push_str("\r\n");
    for row in rows {
        let cells: Vec<String> = cells(row).iter().map(|cell| quoted(cell)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    files.hold(&format!("tables/{name}.csv"), "text/csv", text.into_bytes())?;
    let unwritten = |error| Failure::not_evaluated("cannot write a table").because(&error);
    let json = serde_json::to_vec_pretty(rows).map_err(unwritten)?;
    files.hold(&format!("tables/{name}.json"), "application/json", json)
}

/// A cell (RFC 4180). One that a spreadsheet would take for a formula is made text by an apostrophe: what stands in
/// statements was written by others.
fn quoted(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

fn shown<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn time(unix_ms: Option<i64>) -> String {
    let moment = unix_ms.and_then(|unix_ms| Timestamp::from_millisecond(unix_ms).ok());
    moment.map(|moment| moment.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_cell_is_read_as_it_is_and_never_run() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,b \"c\"\nd"), "\"a,b \"\"c\"\"\nd\"");
        assert_eq!(quoted("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(quoted("@SUM(1,2)"), "\"'@SUM(1,2)\"");
    }
}
