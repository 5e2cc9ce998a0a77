use super::DockerfileError;

/// An instruction with everything that belongs to it on one line.
pub(super) struct Instruction {
    /// The number of its first line, from one.
    pub(super) line: usize,
    /// In upper case.
    pub(super) name: String,
    pub(super) rest: String,
}

/// A Dockerfile, taken apart.
pub(super) struct DockerfileText {
    pub(super) instructions: Vec<Instruction>,
    /// The image that reads the file, if it names one (`# syntax=`).
    pub(super) frontend: Option<String>,
    /// What takes a character's meaning away.
    pub(super) escape: char,
}

/// Takes a text apart into instructions: comments, continued lines and here-documents are gone.
pub(super) fn read_instructions(text: &str) -> Result<DockerfileText, DockerfileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (frontend, escape) = directives(text);
    let mut instructions = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((line, first)) = lines.next() {
        if is_comment(first) || first.trim().is_empty() {
            continue;
        }
        let mut whole = String::new();
        let mut next = Some(first);
        while let Some(part) = next {
            let part = part.trim_end();
            let Some(continued) = part.strip_suffix(escape) else {
                whole.push_str(part);
                break;
            };
            whole.push_str(continued);
            // Between continued lines, comments and empty lines are as if they were not there.
            next = lines
                .by_ref()
                .map(|(_, text)| text)
                .find(|text| !is_comment(text) && !text.trim().is_empty());
        }
        let whole = whole.trim_start();
        let (name, rest) = whole.split_once(char::is_whitespace).unwrap_or((whole, ""));
        let instruction = Instruction { line, name: name.to_ascii_uppercase(), rest: rest.trim().to_owned() };
        for (delimiter, is_indented) in here_documents(&instruction) {
            let trim = |text: &'_ str| -> bool {
                let text = if is_indented { text.trim_start_matches('\t') } else { text };
                text.trim_end_matches('\r') == delimiter
            };
            let unended = || DockerfileError::HereDocument { line, delimiter: delimiter.clone() };
            lines.by_ref().find(|(_, text)| trim(text)).ok_or_else(unended)?;
        }
        instructions.push(instruction);
    }
    Ok(DockerfileText { instructions, frontend, escape })
}

/// The value of `NAME=VALUE`, if the name is this one.
pub(super) fn flag<'w>(word: &'w str, name: &str) -> Option<&'w str> {
    word.strip_prefix(name)?.strip_prefix('=').map(|value| value.trim_matches(['"', '\'']))
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// The parser directives: comments of the form `# name=value` before everything else.
fn directives(text: &str) -> (Option<String>, char) {
    let (mut frontend, mut escape) = (None, '\\');
    for line in text.lines() {
        let Some(comment) = line.trim().strip_prefix('#') else { break };
        let Some((name, value)) = comment.split_once('=') else { break };
        match name.trim().to_ascii_lowercase().as_str() {
            "syntax" => frontend = value.split_whitespace().next().map(str::to_owned),
            "escape" if value.trim() == "`" => escape = '`',
            "escape" | "check" => {}
            _ => break,
        }
    }
    (frontend, escape)
}

/// The words that end the here-documents of an instruction, and whether tabs before them are left out.
fn here_documents(instruction: &Instruction) -> Vec<(String, bool)> {
    if !matches!(instruction.name.as_str(), "RUN" | "COPY" | "ADD") {
        return Vec::new();
    }
    let read = |word: &str| {
        let (descriptor, rest) = word.split_once("<<")?;
        let (rest, is_indented) = rest.strip_prefix('-').map_or((rest, false), |rest| (rest, true));
        let delimiter = rest.trim_matches(['"', '\'']);
        let is_one = descriptor.bytes().all(|byte| byte.is_ascii_digit())
            && !delimiter.is_empty()
            && !delimiter.contains('<');
        is_one.then(|| (delimiter.to_owned(), is_indented))
    };
    instruction.rest.split_whitespace().filter_map(read).collect()
}
