/// Turns what a builder wrote into `created_by` back into the words of a Dockerfile, on one line.
pub fn clean(created_by: &str) -> String {
    let words = created_by.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = words.strip_suffix(" # buildkit").unwrap_or(&words);
    let (is_run, text) = match text.strip_prefix("RUN ") {
        Some(command) => (true, command),
        None => (false, text),
    };
    let command = without_build_arguments(text);
    match command.strip_prefix("/bin/sh -c ") {
        Some(remark) if remark.starts_with("#(nop) ") => remark["#(nop) ".len()..].trim_start().to_owned(),
        Some(command) => format!("RUN {command}"),
        None if is_run => format!("RUN {command}"),
        None => command.to_owned(),
    }
}

/// Drops `|2 A=1 B=2 ` in front of a command: the build arguments that were in force. Their values may hold spaces,
/// so the shell marks where they end.
fn without_build_arguments(text: &str) -> &str {
    let is_counted =
        text.strip_prefix('|').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    match text.find("/bin/sh -c ") {
        Some(shell) if is_counted => &text[shell..],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn every_builders_words_read_like_a_dockerfile() {
        for (written, shown) in [
            (r#"/bin/sh -c #(nop)  CMD ["bash"]"#, r#"CMD ["bash"]"#),
            ("/bin/sh -c #(nop) ADD file:abc in / ", "ADD file:abc in /"),
            ("/bin/sh -c apt-get update", "RUN apt-get update"),
            (
                "RUN /bin/sh -c apt-get update   && \\\n\t apt-get -y upgrade # buildkit",
                "RUN apt-get update && \\ apt-get -y upgrade",
            ),
            ("RUN |1 V=1 2 /bin/sh -c make # buildkit", "RUN make"),
            ("|1 V=1 /bin/sh -c make", "RUN make"),
            ("COPY . /app # buildkit", "COPY . /app"),
            ("RUN echo hi", "RUN echo hi"),
            ("umoci insert", "umoci insert"),
            ("", ""),
        ] {
            assert_eq!(clean(written), shown, "{written}");
        }
    }
}
