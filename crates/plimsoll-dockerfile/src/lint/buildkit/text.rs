//! Checks of how instructions are written.

use super::super::{Edit, Subject};
use super::Checks;
use crate::instruction::{Instruction, Keyword, Pair};

pub(super) fn check(subject: &Subject<'_>, checks: &mut Checks) {
    for span in subject.document.empty_continuations() {
        checks.add("NoEmptyContinuation", *span, "an empty line within an instruction");
    }
    casing(subject, checks);
    for instruction in subject.document.instructions() {
        match instruction.keyword {
            Some(Keyword::Maintainer) => maintainer(instruction, checks),
            Some(Keyword::Env | Keyword::Label) => legacy(instruction, checks),
            Some(Keyword::From | Keyword::Arg) => description(subject, instruction, checks),
            _ => {}
        }
    }
}

/// Instructions are in capitals, or in small letters where most are.
fn casing(subject: &Subject<'_>, checks: &mut Checks) {
    let stages = subject.graph.stages.iter();
    let all: Vec<&Instruction> =
        stages.flat_map(|stage| subject.instructions(stage)).map(|(_, one)| one).collect();
    let count = |is: fn(char) -> bool| all.iter().filter(|one| !one.name.text.contains(is)).count();
    let is_lower = count(|c| c.is_ascii_uppercase()) > count(|c| c.is_ascii_lowercase());
    for instruction in all.iter().filter(|instruction| instruction.keyword.is_some()) {
        let name = &instruction.name;
        let right = if is_lower { name.text.to_lowercase() } else { name.text.to_uppercase() };
        if right != name.text {
            let what = format!("`{}` is not written as most instructions are: `{right}`", name.text);
            let edit = Edit::replace(name.span, right);
            checks.add_with_edit(
                "ConsistentInstructionCasing",
                instruction.span,
                what,
                Some(edit),
                "write it as the others",
            );
        }
    }
}

fn maintainer(instruction: &Instruction, checks: &mut Checks) {
    let text = instruction.words().first().map(|word| word.text.clone()).unwrap_or_default();
    let is_plain = !text.contains(['"', '\\', '$', '`', '\n']) && !instruction.name.text.is_empty();
    let edit = is_plain.then(|| {
        let label =
            if instruction.name.text.contains(|c: char| c.is_ascii_lowercase()) { "label" } else { "LABEL" };
        Edit::replace(instruction.span, format!("{label} org.opencontainers.image.authors=\"{text}\""))
    });
    let what = "MAINTAINER is deprecated: a label names the authors".to_owned();
    checks.add_with_edit("MaintainerDeprecated", instruction.span, what, edit, "write a label");
}

fn legacy(instruction: &Instruction, checks: &mut Checks) {
    for pair in instruction.pairs().iter().filter(|pair| !pair.has_equals) {
        let name = &instruction.name.text;
        let what = format!("`{name} name=value` has taken the place of `{name} name value`");
        let edit = quoted(pair).map(|value| {
            Edit::replace(pair.name.span.joined(pair.value.span), format!("{}={value}", pair.name.text))
        });
        checks.add_with_edit("LegacyKeyValueFormat", instruction.span, what, edit, "write `=`");
    }
}

/// The value as one word; nothing where quotes or escapes in it would mean something else then.
fn quoted(pair: &Pair) -> Option<String> {
    let value = &pair.value.text;
    if value.contains(['"', '\'', '\\', '`', '\n']) {
        return None;
    }
    let is_word = !value.contains(char::is_whitespace);
    Some(if is_word { value.clone() } else { format!("\"{value}\"") })
}

/// The comment right before a stage or an argument describes it; only asked where the file asks for experiments.
fn description(subject: &Subject<'_>, instruction: &Instruction, checks: &mut Checks) {
    const NAME: &str = "InvalidDefinitionDescription";
    let options =
        subject.document.directive("check").map(|directive| directive.value.as_str()).unwrap_or_default();
    let asked = options.split(';').filter_map(|option| option.trim().strip_prefix("experimental="));
    let is_asked = asked.flat_map(|names| names.split(',')).any(|name| matches!(name.trim(), "all" | NAME));
    let names: Vec<String> = match instruction.keyword {
        Some(Keyword::Arg) => instruction.declared().map(|(name, ..)| name.to_owned()).collect(),
        _ => instruction.words().get(2).map(|word| word.text.to_lowercase()).into_iter().collect(),
    };
    let Some(comment) = instruction.comments.last().filter(|_| is_asked && !names.is_empty()) else { return };
    let first = comment.text.split(' ').next().unwrap_or_default();
    if !names.iter().any(|name| name == first) {
        let name = if names.len() == 1 { names.concat() } else { "<name>".to_owned() };
        checks.add(
            NAME,
            instruction.span,
            format!("the comment before it begins with its name: `# {name} …`"),
        );
    }
}
