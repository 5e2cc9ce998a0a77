//! Plimsoll's rules: one file each, whose first comment is its page of the manual.

mod build_tools_in_image;
mod circular_stages;
mod compiling_where_it_ships;
mod copy_before_install;
mod fat_base;
mod floating_base;
mod hollow_allow;
mod invalid_syntax;
mod kept_package_cache;
mod kept_package_lists;
mod large_context;
mod piped_download;
mod recommended_packages;
mod remote_add;
mod removal_in_later_layer;
mod root_user;
mod secret_file_in_image;
mod secret_in_build_argument;
mod secret_value;
mod shell_form_entrypoint;
mod sudo_in_build;
mod undigested_base;
mod unneeded_stage;
mod unpinned_packages;

use super::{Finding, LintOptions, Severity, Subject};
use crate::span::Span;

pub(super) use recommended_packages::installs;

/// A rule. Its name reads after "allow".
pub struct Rule {
    /// What it is called.
    pub name: &'static str,
    /// How much its findings matter.
    pub severity: Severity,
    /// Whether it is asked unless it is left out.
    pub is_default: bool,
    source: &'static str,
    check: fn(&Subject<'_>, &mut Vec<Found>),
}

/// Every rule, by name.
pub const RULES: &[Rule] = &[
    build_tools_in_image::RULE,
    circular_stages::RULE,
    compiling_where_it_ships::RULE,
    copy_before_install::RULE,
    fat_base::RULE,
    floating_base::RULE,
    hollow_allow::RULE,
    invalid_syntax::RULE,
    kept_package_cache::RULE,
    kept_package_lists::RULE,
    large_context::RULE,
    piped_download::RULE,
    recommended_packages::RULE,
    remote_add::RULE,
    removal_in_later_layer::RULE,
    root_user::RULE,
    secret_file_in_image::RULE,
    secret_in_build_argument::RULE,
    secret_value::RULE,
    shell_form_entrypoint::RULE,
    sudo_in_build::RULE,
    undigested_base::RULE,
    unneeded_stage::RULE,
    unpinned_packages::RULE,
];

impl Rule {
    /// Its page of the manual, in Markdown.
    pub fn manual(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
    }

    /// What it is about, in a sentence.
    pub fn summary(&self) -> String {
        self.manual().lines().next().unwrap_or_default().to_owned()
    }
}

/// What a rule found.
pub(super) struct Found {
    span: Span,
    message: String,
    help: Option<String>,
    fix: Option<super::Fix>,
    estimate: Option<super::Estimate>,
    severity: Option<Severity>,
}

impl Found {
    fn at(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None, fix: None, estimate: None, severity: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    fn fix(self, fix: Option<super::Fix>) -> Self {
        Self { fix, ..self }
    }
}

/// Asks the rules.
pub(super) fn findings(subject: &Subject<'_>, options: LintOptions<'_>) -> Vec<Finding> {
    let is_asked = |rule: &&Rule| rule.is_default || options.also.iter().any(|name| name == rule.name);
    let mut findings = Vec::new();
    for rule in RULES.iter().filter(is_asked) {
        let mut found = Vec::new();
        (rule.check)(subject, &mut found);
        findings.extend(found.into_iter().map(|found| finding(rule, found)));
    }
    findings
}

fn finding(rule: &Rule, found: Found) -> Finding {
    let Found { span, message, help, fix, estimate, severity } = found;
    Finding {
        rule: rule.name,
        severity: severity.unwrap_or(rule.severity),
        message,
        span,
        help,
        fix,
        estimate,
    }
}
