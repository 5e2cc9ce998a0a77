//! Instructions that change the config alone.

use plimsoll_dockerfile::Document;
use plimsoll_dockerfile::instruction::{Arguments, Instruction, Keyword, Word};
use serde_json::{Value, json};

use super::Stage;
use super::told::{duration, quoted_list};
use crate::BuildError;

/// Highest port.
const PORT_MAX: u32 = 65_535;

impl Stage<'_> {
    pub(super) fn setting(
        &mut self,
        keyword: Keyword,
        instruction: &Instruction,
        document: &Document,
    ) -> Result<(), BuildError> {
        match keyword {
            Keyword::Arg => self.argument(instruction),
            Keyword::Env => self.environment(instruction),
            Keyword::Label => self.label(instruction),
            Keyword::User => self.user(instruction),
            Keyword::Expose => self.expose(instruction),
            Keyword::Volume => self.volume(instruction),
            Keyword::Stopsignal => self.stop_signal(instruction),
            Keyword::Shell => self.shell(instruction),
            Keyword::Cmd | Keyword::Entrypoint => self.command(keyword, instruction),
            Keyword::Healthcheck => self.health_check(instruction),
            Keyword::Onbuild => self.trigger(instruction, document),
            Keyword::Maintainer => self.maintainer(instruction),
            Keyword::Add | Keyword::Copy | Keyword::From | Keyword::Run | Keyword::Workdir => {
                Err(BuildError::wrong(format!("{} is no setting", keyword.name())))
            }
        }
    }

    /// Declares arguments. One without a default has that of before the first stage.
    fn argument(&mut self, instruction: &Instruction) -> Result<(), BuildError> {
        let mut told = Vec::new();
        for (name, default, _) in instruction.declared() {
            let given = self.assembly.plan.arguments.get(name).cloned();
            let value = match (given, default) {
                (Some(given), _) => Some(given),
                (None, Some(default)) => Some(self.variables.expand(default)?),
                (None, None) => self.assembly.global(name)?,
            };
            told.push(match &value {
                Some(value) => format!("{name}={value}"),
                None => name.to_owned(),
            });
            if let Some(value) = value {
                self.variables.declare(name, &value);
            }
        }
        self.step(&format!("ARG {}", told.join(" ")), None);
        Ok(())
    }

    fn environment(&mut self, instruction: &Instruction) -> Result<(), BuildError> {
        // Variables of the same instruction do not see each other.
        let pairs = self.expanded_pairs(instruction)?;
        for (name, value) in &pairs {
            self.variables.set(name, value);
            self.image.config.set_variable(name, value);
        }
        self.step(&format!("ENV{}", told_pairs(&pairs)), None);
        Ok(())
    }

    fn label(&mut self, instruction: &Instruction) -> Result<(), BuildError> {
        let pairs = self.expanded_pairs(instruction)?;
        for (name, value) in &pairs {
            self.image.config.insert("Labels", name.clone(), json!(value));
        }
        self.step(&format!("LABEL{}", told_pairs(&pairs)), None);
        Ok(())
    }

    fn expanded_pairs(&self, instruction: &Instruction) -> Result<Vec<(String, String)>, BuildError> {
        let expand = |word: &Word| self.variables.expand(&word.text);
        instruction.pairs().iter().map(|pair| Ok((expand(&pair.name)?, expand(&pair.value)?))).collect()
    }

    fn user(&mut self, instruction: &Instruction) -> Result<(), BuildError> {
        let user = self.sole_word(instruction)?;
        self.image.config.set("User", json!(user));
        self.step(&format!("USER {user}"), None);
        Ok(())
    }

    fn maintainer(&mut self, instruction: &Instruction) -> Result<(), BuildError> {
        let name = self.sole_word(instruction)?;
        self.image.config.set_author(&name);
        self.step(&format!("MAINTAINER {name}"), None);
        Ok(())
    }

    fn stop_signal(&mut self, instruction: &Instruction) -> Result<(), BuildError> {
        let signal = self.sole_word(instruction)?;
        self.image.config.set("StopSignal", json!(signal));
        self.step(&format!("STOPSIGNAL {signal}"), None);
        Ok(())
    }

    fn expose(&mut self, instruction: &Instruction) -> Result<(), BuildError> {
        let mut told = Vec::new();
        for word in instruction.words() {
            for word in self.variables.expand(&word.text)?.split_whitespace() {
                for port in ports(word)? {
                    self.image.config.insert("ExposedPorts", port.clone(), json!({}));
                    told.push(port);
                }
            }
        }
        told.sort();
        self.step(&format!("EXPOSE [{}]", told.join(" ")), None);
        Ok(())
    }

    fn volume(&mut self, instruction: &Instruction) -> Result<(), BuildError> {
        let mut told = Vec::new();
        for word in instruction.words() {
            let path = self.variables.expand(&word.text)?;
            if path.is_empty() {
                return Err(BuildError::wrong("a volume needs a path"));
            }
            self.image.config.insert("Volumes", path.clone(), json!({}));
            told.push(path);
        }
        self.step(&format!("VOLUME [{}]", told.join(" ")), None);
        Ok(())
    }

    fn shell(&mut self, instruction: &Instruction) -> Result<(), BuildError> {
        let words = texts(instruction);
        self.image.config.set("Shell", json!(words));
        self.step(&format!("SHELL [{}]", words.join(" ")), None);
        Ok(())
    }

    fn command(&mut self, keyword: Keyword, instruction: &Instruction) -> Result<(), BuildError> {
        let words = self.command_line(&instruction.arguments);
        if keyword == Keyword::Cmd {
            self.has_command = true;
            self.image.config.set("Cmd", json!(words));
        } else {
            self.image.config.set("Entrypoint", json!(words));
            if !self.has_command {
                self.image.config.unset("Cmd");
            }
        }
        self.step(&format!("{} {}", keyword.name(), quoted_list(&words)), None);
        Ok(())
    }

    /// The words of a command; one in shell form is handed to the shell.
    fn command_line(&self, arguments: &Arguments) -> Vec<String> {
        match arguments {
            Arguments::Json(words) => words.iter().map(|word| word.text.clone()).collect(),
            Arguments::Text(text) => self.through_shell(&text.text),
            Arguments::Words(words) => {
                let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
                self.through_shell(&words.join(" "))
            }
            _ => Vec::new(),
        }
    }

    fn through_shell(&self, text: &str) -> Vec<String> {
        let mut shell = self.image.config.list("Shell");
        if shell.is_empty() {
            shell = vec!["/bin/sh".to_owned(), "-c".to_owned()];
        }
        shell.push(text.to_owned());
        shell
    }

    fn health_check(&mut self, instruction: &Instruction) -> Result<(), BuildError> {
        let Arguments::Healthcheck(kind, command) = &instruction.arguments else {
            return Err(BuildError::wrong("it names no command"));
        };
        let test = if kind.text.eq_ignore_ascii_case("none") {
            vec!["NONE".to_owned()]
        } else {
            let first = if command.is_json() { "CMD" } else { "CMD-SHELL" };
            let words = match &**command {
                Arguments::Json(words) | Arguments::Words(words) => {
                    words.iter().map(|word| word.text.clone()).collect()
                }
                Arguments::Text(text) => vec![text.text.clone()],
                _ => Vec::new(),
            };
            std::iter::once(first.to_owned()).chain(words).collect()
        };
        let mut check = serde_json::Map::from_iter([("Test".to_owned(), json!(test))]);
        let mut told = format!("Test:[{}]", test.join(" "));
        for (flag, key) in [
            ("interval", "Interval"),
            ("timeout", "Timeout"),
            ("start-period", "StartPeriod"),
            ("start-interval", "StartInterval"),
        ] {
            let nanoseconds = instruction.flag(flag).map(nanoseconds).transpose()?.unwrap_or(0);
            told.push_str(&format!(" {key}:{}", duration(nanoseconds)));
            if nanoseconds != 0 {
                check.insert(key.to_owned(), json!(nanoseconds));
            }
        }
        let wrong = |_| BuildError::wrong("--retries is no number");
        let retries: u32 = instruction.flag("retries").map_or(Ok(0), str::parse).map_err(wrong)?;
        if retries != 0 {
            check.insert("Retries".to_owned(), json!(retries));
        }
        self.image.config.set("Healthcheck", Value::Object(check));
        self.step(&format!("HEALTHCHECK {{{told} Retries:{retries}}}"), None);
        Ok(())
    }

    /// Leaves an instruction to whoever builds on this image.
    fn trigger(&mut self, instruction: &Instruction, document: &Document) -> Result<(), BuildError> {
        let Arguments::Trigger(inner) = &instruction.arguments else {
            return Err(BuildError::wrong("it names no instruction"));
        };
        let text = document.text(inner.span).trim().to_owned();
        let mut triggers = self.image.config.list("OnBuild");
        triggers.push(text);
        self.image.config.set("OnBuild", json!(triggers));
        Ok(())
    }

    fn sole_word(&self, instruction: &Instruction) -> Result<String, BuildError> {
        let words: Vec<&str> = instruction.words().iter().map(|word| word.text.as_str()).collect();
        self.variables.expand(&words.join(" "))
    }
}

fn texts(instruction: &Instruction) -> Vec<String> {
    instruction.words().iter().map(|word| word.text.clone()).collect()
}

fn told_pairs(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!(" {name}={value}")).collect()
}

/// The ports of `80`, `80/udp` or `8000-8010/tcp`.
fn ports(word: &str) -> Result<Vec<String>, BuildError> {
    let wrong =
        || BuildError::wrong(format!("`{word}` is no port")).help("write 80, 80/udp or 8000-8010/tcp");
    let (range, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    let protocol = protocol.to_lowercase();
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let number = |text: &str| text.parse::<u32>().ok().filter(|port| *port <= PORT_MAX).ok_or_else(wrong);
    let (first, last) = (number(first)?, number(last)?);
    if first > last || !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
        return Err(wrong());
    }
    Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

/// A duration as Go reads it, such as `1m30s` or `1.5s`.
fn nanoseconds(text: &str) -> Result<i64, BuildError> {
    let wrong = || BuildError::wrong(format!("`{text}` is no duration")).help("write 30s or 1m30s");
    let mut total: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, after) = rest.split_at_checked(end).ok_or_else(wrong)?;
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_end).ok_or_else(wrong)?;
        let unit: i64 = match unit {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(wrong()),
        };
        let part = part_of(number, unit).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = after;
    }
    Ok(total)
}

/// `1.5` of a unit.
fn part_of(number: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: i64 = whole.parse().ok()?;
    let mut part = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.chars() {
        place /= 10;
        part = part.checked_add(i64::from(digit.to_digit(10)?).checked_mul(place)?)?;
    }
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_ports_are_read_as_docker_does() {
        assert_eq!(nanoseconds("1m30s").ok(), Some(90_000_000_000));
        assert_eq!(nanoseconds("1.5s").ok(), Some(1_500_000_000));
        for wrong in ["5", "s", "9999999999999h", "1x", "-1s"] {
            assert!(nanoseconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(ports("80").unwrap(), ["80/tcp"]);
        assert_eq!(ports("80-82/UDP").unwrap(), ["80/udp", "81/udp", "82/udp"]);
        for wrong in ["x", "70000", "9-8", "80/icmp"] {
            assert!(ports(wrong).is_err(), "{wrong}");
        }
    }
}
