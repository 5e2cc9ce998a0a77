use std::sync::Mutex;
use std::time::Duration;

use reqwest::header::{HeaderMap, WARNING};

/// Most bytes of warnings in one answer (distribution-spec, "Warnings").
const WARNING_BYTES_MAX: usize = 4096;

/// Most warnings that a collector keeps.
const WARNINGS_MAX: usize = 1000;

/// Hears of the warnings that registries send, and of calls that are tried again; both are for people and change nothing.
pub trait Warnings: Send + Sync {
    /// The registry at `host` says `text`.
    fn warn(&self, host: &str, text: &str);

    /// `operation` failed for `cause`, and is tried again after `pause`. Who does not care need not listen.
    fn retrying(&self, _operation: &str, _cause: &str, _pause: Duration) {}
}

/// Listens to nothing.
pub struct NoWarnings;

impl Warnings for NoWarnings {
    fn warn(&self, _host: &str, _text: &str) {}
}

/// Keeps each warning once.
#[derive(Debug, Default)]
pub struct WarningCollector(Mutex<Vec<(String, String)>>);

impl WarningCollector {
    /// Takes out what came so far: host and text.
    pub fn take(&self) -> Vec<(String, String)> {
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::take(&mut *kept)
    }
}

impl Warnings for WarningCollector {
    fn warn(&self, host: &str, text: &str) {
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let warning = (host.to_owned(), text.to_owned());
        if kept.len() < WARNINGS_MAX && !kept.contains(&warning) {
            kept.push(warning);
        }
    }
}

/// The texts of the headers of the one form that the specification allows: `299 - "text"`.
pub(crate) fn warnings_in(headers: &HeaderMap) -> Vec<String> {
    let mut left = WARNING_BYTES_MAX;
    let mut texts = Vec::new();
    for value in headers.get_all(WARNING) {
        let Some(text) = std::str::from_utf8(value.as_bytes()).ok().and_then(parse_warning) else { continue };
        let Some(rest) = left.checked_sub(text.len()) else { break };
        left = rest;
        texts.push(text);
    }
    texts
}

fn parse_warning(text: &str) -> Option<String> {
    let quoted = text.trim().strip_prefix("299 - \"")?.strip_suffix('"')?;
    let unescaped = quoted.replace("\\\"", "\"").replace("\\\\", "\\");
    // A terminal must not obey a registry.
    Some(unescaped.chars().filter(|c| !c.is_control()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_taken_out_and_control_characters_are_dropped() {
        assert_eq!(parse_warning(r#"299 - "This is \"old\".""#).unwrap(), r#"This is "old"."#);
        assert_eq!(parse_warning("299 - \"a\u{1b}[31mb\"").unwrap(), "a[31mb");
        assert_eq!(parse_warning("199 - \"x\""), None);
    }

    #[test]
    fn a_collector_keeps_each_warning_once() {
        let collector = WarningCollector::default();
        collector.warn("r.example", "old");
        collector.warn("r.example", "old");
        assert_eq!(collector.take(), [("r.example".to_owned(), "old".to_owned())]);
        assert!(collector.take().is_empty());
    }
}
