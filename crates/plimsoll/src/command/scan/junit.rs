//! The findings as JUnit XML, as CI systems read it: each finding is a test case, which failed if it stops the gate, or
//! if there is no gate. What could not be judged is a case that was skipped, or an error where that decides.

use plimsoll_sbom::Mismatch;
use plimsoll_vuln::verdict::Found;

use super::outcome::Outcome;
use super::ruling::{Ruling, told};

/// Writes the findings.
pub(super) fn write(outcome: &Outcome) -> String {
    let verdict = &outcome.report.verdict;
    let refused = outcome.ruling.refused(verdict);
    let decides = match &outcome.ruling {
        Ruling::NotEvaluated(reasons) => reasons.as_slice(),
        Ruling::Told | Ruling::Pass | Ruling::Shut(_) => &[],
    };
    let findings: String = verdict
        .findings
        .iter()
        .enumerate()
        .map(|(position, found)| case(found, outcome, refused.contains(&position)))
        .collect();
    let gaps: Vec<String> = verdict.gaps.iter().map(told).collect();
    let skipped: Vec<&String> = gaps.iter().filter(|gap| !decides.contains(gap)).collect();
    let mismatches: String = verdict.mismatches.iter().map(mismatch).collect();
    let errors: String = decides.iter().map(|reason| gap(reason, "error")).collect();
    let skips: String = skipped.iter().map(|reason| gap(reason, "skipped")).collect();
    let numbers = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
        verdict.findings.len() + verdict.mismatches.len() + decides.len() + skipped.len(),
        refused.len() + verdict.mismatches.len(),
        decides.len(),
        skipped.len(),
    );
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"plimsoll scan\" {numbers}>\n  \
         <testsuite name=\"{image}\" {numbers} timestamp=\"{time}\">\n{properties}{mismatches}{findings}{errors}{skips}  \
         </testsuite>\n</testsuites>\n",
        image = escaped(&outcome.report.image),
        time = verdict.judged_at.strftime("%Y-%m-%dT%H:%M:%S"),
        properties = properties(outcome),
    )
}

fn case(found: &Found, outcome: &Outcome, is_refused: bool) -> String {
    let finding = &found.finding;
    let component = outcome.report.components.get(found.place.position);
    let purl = component.map_or("", |component| component.purl.as_str());
    let name = format!("{} in {} {}", finding.id, found.place.name, finding.installed);
    let fix = match &finding.fixed {
        Some(version) => format!("upgrade to {version}"),
        None => "no fixed version is known".to_owned(),
    };
    let text = format!("{}; {fix}", finding.priority);
    let head = format!("    <testcase classname=\"{}\" name=\"{}\"", escaped(purl), escaped(&name));
    if !is_refused {
        return format!("{head}>\n      <system-out>{}</system-out>\n    </testcase>\n", escaped(&text));
    }
    let summary = finding.summary.as_deref().unwrap_or(&finding.id);
    format!(
        "{head}>\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>\n",
        finding.rating.severity,
        escaped(&text),
        escaped(summary),
    )
}

/// Where the image is not what its config says.
fn mismatch(mismatch: &Mismatch) -> String {
    let text = escaped(&mismatch.to_string());
    format!(
        "    <testcase classname=\"config\" name=\"{text}\">\n      <failure type=\"mismatch\" message=\"{text}\"/>\n    \
         </testcase>\n"
    )
}

fn gap(reason: &str, element: &str) -> String {
    let reason = escaped(reason);
    format!(
        "    <testcase classname=\"not evaluated\" name=\"{reason}\">\n      <{element} message=\"{reason}\"/>\n    \
         </testcase>\n"
    )
}

/// The same numbers as in every other format.
fn properties(outcome: &Outcome) -> String {
    let verdict = &outcome.report.verdict;
    let mut pairs = vec![
        ("findings".to_owned(), verdict.findings.len().to_string()),
        ("fixable".to_owned(), verdict.counts.fixable.to_string()),
        ("exploited".to_owned(), verdict.counts.exploited.to_string()),
        ("result".to_owned(), outcome.word().to_owned()),
        ("index".to_owned(), verdict.data.index.clone()),
    ];
    let severities = verdict.counts.by_severity.iter().rev();
    pairs.extend(severities.map(|(severity, count)| (severity.to_string(), count.to_string())));
    pairs.extend(outcome.report.digest.clone().map(|digest| ("digest".to_owned(), digest)));
    let lines: String = pairs
        .iter()
        .map(|(name, value)| {
            format!("      <property name=\"{}\" value=\"{}\"/>\n", escaped(name), escaped(value))
        })
        .collect();
    format!("    <properties>\n{lines}    </properties>\n")
}

/// Text for XML 1.0, in which most control characters cannot stand at all.
pub(in crate::command) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' | '\r' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        assert_eq!(escaped("a<b>&\"c\u{0}\n"), "a&lt;b&gt;&amp;&quot;c\u{fffd} ");
    }
}
