//! Figures as the tables show them.

use std::fs;

/// The middle of the values, or the lower of the two in the middle.
pub(super) fn median<T: PartialOrd + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_by(|one, other| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal));
    let middle = values.len().checked_sub(1)? / 2;
    values.get(middle).copied()
}

/// Whole units of 2^20 bytes.
pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{}", bytes >> 20)
}

/// As many decimals as leave three digits that say something.
pub(super) fn three_digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Processor and kernel, in a few words.
pub(super) fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = |line: &str| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_owned());
    let models: Vec<String> = processors.lines().filter_map(named).collect();
    let model = models.first().map_or("an unnamed processor", String::as_str);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} × {model}, Linux {}", models.len(), kernel.trim())
}
