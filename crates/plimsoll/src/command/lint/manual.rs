use plimsoll_dockerfile::lint::{RULES, Rule, Severity};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::{Page, Report};

/// The rules, as `--rules` lists them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleList {
    api_version: &'static str,
    kind: &'static str,
    rules: Vec<ListedRule>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedRule {
    name: &'static str,
    severity: Severity,
    is_default: bool,
    summary: String,
}

/// Prints the page of a rule.
pub(super) fn explain(name: &str, context: &mut Context) -> Result<(), Failure> {
    let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
        return Err(Failure::usage(format!("no rule is called `{name}`")).help("plimsoll lint --rules"));
    };
    let state = if rule.is_default { "" } else { ", off by default" };
    let head = format!("{} ({}{state})\n\n", rule.name, rule.severity.word());
    context.terminal().print_raw(format!("{head}{}", rule.manual()).as_bytes())
}

/// Lists the rules.
pub(super) fn list(context: &mut Context) -> Result<(), Failure> {
    let rules = RULES.iter().map(listed).collect();
    context.terminal().print(&RuleList { api_version: "plimsoll/v1", kind: "LintRuleList", rules })
}

fn listed(rule: &Rule) -> ListedRule {
    ListedRule {
        name: rule.name,
        severity: rule.severity,
        is_default: rule.is_default,
        summary: rule.summary(),
    }
}

impl Report for RuleList {
    fn draw(&self, page: &mut Page) {
        for rule in &self.rules {
            let severity = if rule.is_default { rule.severity.word() } else { "off" };
            page.line(&format!("{:<26} {severity:<8} {}", rule.name, rule.summary));
        }
    }
}
