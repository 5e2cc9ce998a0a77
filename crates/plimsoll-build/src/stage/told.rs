//! Instructions as the history tells of them, in the words of `BuildKit` (`frontend/dockerfile/dockerfile2llb`), so
//! that every reader of histories understands them.

/// A text between quotes, as Go's `%q` writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Texts as a list of quoted ones.
pub(super) fn quoted_list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", quoted.join(" "))
}

/// A duration as Go prints it, such as `1m30s`.
pub(super) fn duration(nanoseconds: i64) -> String {
    const SECOND: i64 = 1_000_000_000;
    let (whole, rest) = (nanoseconds / SECOND, nanoseconds % SECOND);
    if whole == 0 && rest != 0 {
        return match rest {
            1_000_000.. => format!("{}ms", decimal(rest, 1_000_000)),
            1_000.. => format!("{}µs", decimal(rest, 1_000)),
            _ => format!("{rest}ns"),
        };
    }
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    let seconds = decimal(seconds * SECOND + rest, SECOND);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

fn decimal(value: i64, unit: i64) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.to_string().len() - 1;
    let digits = format!("{rest:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_prints_them() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (1_500_000, "1.5ms"),
            (30_000_000_000, "30s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h0m0s"),
            (1_250_000_000, "1.25s"),
            (7, "7ns"),
        ] {
            assert_eq!(duration(nanoseconds), text);
        }
    }

    #[test]
    fn quotes_are_escaped() {
        assert_eq!(quoted_list(&["a b".to_owned(), "\"\n".to_owned()]), r#"["a b" "\"\n"]"#);
    }
}
