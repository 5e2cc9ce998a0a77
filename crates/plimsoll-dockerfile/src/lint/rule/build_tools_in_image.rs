//! Tools for building that are installed into the image.
//!
//! Compilers and headers make the image larger, and give whoever breaks in something to work with. Install them in a stage
//! that does not ship. Tools that the same `RUN` takes away again are not told of.
//!
//! The number is what the largest of them brings on Debian 12 with all that it depends on: the `Installed-Size` of the
//! packages in the distribution's index, less what every Debian image has.

use std::ops::Range;

use super::super::estimate::{is_build_tool, of_debian_packages};
use super::super::multi_stage::propose;
use super::super::{Severity, Subject};
use super::compiling_where_it_ships::is_compiled;
use super::recommended_packages::installs;
use super::{Found, Rule};

pub(super) const RULE: Rule = Rule {
    name: "build-tools-in-image",
    severity: Severity::Warning,
    is_default: true,
    source: include_str!("build_tools_in_image.rs"),
    check,
};

fn check(subject: &Subject<'_>, found: &mut Vec<Found>) {
    // Where something is compiled, that finding comes with the change.
    let mut fix = if is_compiled(subject) { None } else { propose(subject) };
    for run in subject.shipped_runs() {
        let is_removed = |package: &str| {
            run.script.commands.iter().any(|command| {
                let is_removal =
                    ["purge", "remove", "del", "autoremove", "erase"].iter().any(|word| command.has(word));
                is_removal
                    && (command.has(package) || virtual_name(run).is_some_and(|name| command.has(&name)))
            })
        };
        for install in installs(run) {
            let tools =
                install.packages.iter().filter(|(package, _)| is_build_tool(package) && !is_removed(package));
            let tools: Vec<&(String, Range<usize>)> = tools.collect();
            let (Some(first), Some(last)) = (tools.first(), tools.last()) else { continue };
            let names: Vec<&str> = tools.iter().map(|(name, _)| name.as_str()).collect();
            let what = format!("{} end in the image, and are for building only", list(&names));
            let span = run.span(first.1.start..last.1.end.max(first.1.end));
            let estimate =
                (install.manager == "apt").then(|| of_debian_packages(names.iter().copied())).flatten();
            let help = "install them in a stage that only feeds the image, and copy the result";
            found.push(Found { estimate, ..Found::at(span, what).help(help).fix(fix.take()) });
        }
    }
}

fn virtual_name(run: &super::super::Run<'_>) -> Option<String> {
    let words = run.script.of_program("apk").flat_map(|command| &command.words);
    let mut words = words.skip_while(|word| !matches!(word.text.as_deref(), Some("--virtual" | "-t")));
    words.nth(1)?.text.clone()
}

fn list(names: &[&str]) -> String {
    match names {
        [one] => format!("`{one}` and what it depends on"),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}
