//! The table that goes to docs/benchmarks.md.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::load::Measurement;
use super::options::Options;
use super::rounds::{Outcome, SideOutcome};
use super::workload::{Unit, Workload};

const BEGIN: &str = "<!-- bench:registry begin -->";
const END: &str = "<!-- bench:registry end -->";

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

/// The middle of the values, or the lower of the two in the middle.
fn median<T: PartialOrd + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_by(|one, other| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal));
    let middle = values.len().checked_sub(1)? / 2;
    values.get(middle).copied()
}

fn unknown() -> String {
    "–".to_owned()
}

fn milliseconds(latency: Duration) -> String {
    three_digits(latency.as_secs_f64() * 1e3)
}

fn mebibytes(bytes: u64) -> String {
    format!("{}", bytes >> 20)
}

/// As many decimals as leave three digits that say something.
fn three_digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Processor and kernel, in a few words.
fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = |line: &str| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_owned());
    let models: Vec<String> = processors.lines().filter_map(named).collect();
    let model = models.first().map_or("an unnamed processor", String::as_str);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} × {model}, Linux {}", models.len(), kernel.trim())
}

/// Puts `section` between the marks in the file, or at its end when it has none.
pub(super) fn write_section(path: &Path, section: &str) -> anyhow::Result<()> {
    let before = if path.exists() { fs::read_to_string(path)? } else { "# Benchmarks\n".to_owned() };
    fs::write(path, with_section(&before, section))?;
    Ok(())
}

fn with_section(text: &str, section: &str) -> String {
    let marked = format!("{BEGIN}\n{}\n{END}", section.trim_end());
    let place = text.find(BEGIN).zip(text.find(END)).filter(|(begin, end)| begin < end);
    match place {
        Some((begin, end)) => format!("{}{marked}{}", &text[..begin], &text[end + END.len()..]),
        None => format!("{}\n\n{marked}\n", text.trim_end()),
    }
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
            action: crate::bench::workload::Action::Catalogue,
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

    #[test]
    fn a_second_report_takes_the_place_of_the_first() {
        let once = with_section("# Benchmarks\n\nProse.\n", "first");
        let twice = with_section(&format!("{once}\nMore prose.\n"), "second");
        assert!(twice.starts_with("# Benchmarks\n\nProse.\n\n"), "{twice}");
        assert!(twice.contains("second") && !twice.contains("first"), "{twice}");
        assert!(twice.ends_with("\nMore prose.\n"), "{twice}");
    }
}
