//! The table that goes to docs/benchmarks.md.

use std::fmt::Write as _;
use std::time::Duration;

use crate::bench::figures::{machine, mebibytes, median, three_digits};

use super::load::Measurement;
use super::options::Options;
use super::rounds::{Outcome, SideOutcome};
use super::workload::{Unit, Workload};

/// The peak memory that Plimsoll aims to stay under.
const RSS_TARGET_BYTES: u64 = 100_000_000;

/// The whole section: terms, the table, and how to read it.
pub(super) fn markdown(options: &Options, outcome: &Outcome) -> String {
    let mut text = format!(
        "Medians of {} round(s), sides taking turns; {}. Each server has one core to itself, the load generator \
         another. CPU is user and system time of the server; MB is 2^20 bytes, GB is 10^9.\n\n",
        options.rounds,
        machine()
    );
    for outcome in &outcome.sides {
        // Writing to a string does not fail.
        let _ = writeln!(text, "- {}: {}.", outcome.side.name, outcome.side.terms);
    }
    let storage = if options.data_parent.starts_with("/dev/shm") { "memory (tmpfs)" } else { "disk" };
    let _ = writeln!(text, "- Data on {storage}.\n");
    text.push_str(&table(options, &outcome.sides));
    text
}

fn table(options: &Options, sides: &[SideOutcome]) -> String {
    let mut text = "| workload | connections | server CPU in | target |".to_owned();
    for side in sides {
        let name = &side.side.name;
        let _ = write!(text, " {name} CPU | ops/s | p50 ms | p99 ms |");
    }
    let _ = write!(text, "\n|---|--:|---|--:|{}\n", "--:|--:|--:|--:|".repeat(sides.len()));
    for (index, workload) in options.workloads.iter().enumerate() {
        text.push_str(&row(workload, sides.iter().map(|side| side.measurements[index].1.as_slice())));
    }
    let target = mebibytes(RSS_TARGET_BYTES);
    let _ = write!(text, "| peak memory (VmHWM) | | MiB | ≤ {target} |");
    for side in sides {
        let peak = median(side.rss_peaks_bytes.iter().copied()).map_or_else(unknown, mebibytes);
        let _ = write!(text, " {peak} | | | |");
    }
    text.push('\n');
    text
}

fn row<'a>(workload: &Workload, sides: impl Iterator<Item = &'a [Measurement]>) -> String {
    let unit = match workload.unit {
        Unit::Request => "µs/request",
        Unit::Operation => "ms/operation",
        Unit::Gigabyte => "s/GB",
    };
    let target = workload.target.map_or_else(String::new, |target| format!("≤ {}", three_digits(target)));
    let mut text = format!("| {} | {} | {unit} | {target} |", workload.name, workload.connections);
    for rounds in sides {
        let cpu = median(rounds.iter().filter_map(|round| cpu_in(workload.unit, round)));
        let cpu = cpu.map_or_else(unknown, three_digits);
        let rate = median(rounds.iter().map(|round| round.operations as f64 / round.wall.as_secs_f64()));
        let rate = rate.map_or_else(unknown, three_digits);
        let [p50, p99] = [|round: &Measurement| round.p50, |round: &Measurement| round.p99]
            .map(|latency| median(rounds.iter().map(latency)).map_or_else(unknown, milliseconds));
        let _ = write!(text, " {cpu} | {rate} | {p50} | {p99} |");
    }
    text.push('\n');
    text
}

fn cpu_in(unit: Unit, round: &Measurement) -> Option<f64> {
    let seconds = round.cpu?.as_secs_f64();
    Some(match unit {
        Unit::Request => seconds * 1e6 / round.operations as f64,
        Unit::Operation => seconds * 1e3 / round.operations as f64,
        Unit::Gigabyte => seconds * 1e9 / round.bytes as f64,
    })
}

fn unknown() -> String {
    "–".to_owned()
}

fn milliseconds(latency: Duration) -> String {
    three_digits(latency.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(cpu_ms: u64) -> Measurement {
        Measurement {
            operations: 100,
            bytes: 500_000_000,
            wall: Duration::from_secs(2),
            cpu: Some(Duration::from_millis(cpu_ms)),
            p50: Duration::from_micros(1500),
            p99: Duration::from_millis(250),
        }
    }

    #[test]
    fn a_row_shows_medians_in_the_workloads_unit() {
        let workload = Workload {
            name: "Pull",
            connections: 8,
            operations: 100,
            unit: Unit::Gigabyte,
            target: Some(0.3),
            action: crate::bench::registry::workload::Action::Catalogue,
        };
        let rounds = [measurement(300), measurement(100), measurement(200)];
        let unseen = [Measurement { cpu: None, ..measurement(0) }];
        let row = row(&workload, [rounds.as_slice(), unseen.as_slice()].into_iter());
        let expected = "| Pull | 8 | s/GB | ≤ 0.30 | 0.40 | 50.0 | 1.50 | 250 | – | 50.0 | 1.50 | 250 |\n";
        assert_eq!(row, expected);
    }

    #[test]
    fn cpu_is_divided_by_what_was_done() {
        assert_eq!(cpu_in(Unit::Request, &measurement(100)), Some(1000.0));
        assert_eq!(cpu_in(Unit::Operation, &measurement(100)), Some(1.0));
        assert_eq!(cpu_in(Unit::Gigabyte, &measurement(100)), Some(0.2));
    }
}
