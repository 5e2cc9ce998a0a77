//! The YAML of a configuration file, read into keys and values with the lines where they stand.

use std::path::Path;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};

use super::layered::{Origin, Value};
use super::table::{Setting, nearest_key};
use crate::failure::Failure;

/// Largest configuration file that is read.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;
/// Deepest nesting: a list of maps is three, and the trust section has six.
const DEPTH_MAX: usize = 8;
/// The sections that are no settings of the server: whose signatures count, and what images may weigh and offer.
const OTHER_SECTIONS: [&str; 2] = ["trust", "budget"];

/// Reads the settings in `text`, the content of `path`.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<(&'static Setting, Value, Origin)>, Failure> {
    let mut events = Events { path, parser: Parser::new_from_str(text), line: 1 };
    let mut found = Vec::new();
    match events.document()? {
        None => {}
        Some(Node { content: Content::Map(entries), .. }) => collect(path, "", entries, &mut found)?,
        Some(node) => return Err(fault(path, node.line, "the file is not a map of settings")),
    }
    Ok(found)
}

type Found = Vec<(&'static Setting, Value, Origin)>;

/// Flattens nested maps to dotted keys.
fn collect(path: &Path, above: &str, entries: Vec<(String, Node)>, found: &mut Found) -> Result<(), Failure> {
    for (name, node) in entries {
        let key = format!("{above}{name}");
        if OTHER_SECTIONS.contains(&key.as_str()) {
            continue;
        }
        let line = node.line;
        match (Setting::find(&key), node.content) {
            (Some(setting), content) => {
                let Some(value) = value(path, setting, content, line)? else { continue };
                if found.iter().any(|(other, ..)| other.key == key) {
                    return Err(fault(path, line, &format!("`{key}` is set twice")));
                }
                found.push((setting, value, Origin::File { path: path.to_owned(), line }));
            }
            (None, Content::Map(below)) if is_group(&key) => collect(path, &format!("{key}."), below, found)?,
            (None, _) => return Err(unknown(path, line, &key)),
        }
    }
    Ok(())
}

fn is_group(key: &str) -> bool {
    let beneath = format!("{key}.");
    super::table::SETTINGS.iter().any(|setting| setting.key.starts_with(&beneath))
}

fn unknown(path: &Path, line: usize, key: &str) -> Failure {
    let failure = fault(path, line, &format!("there is no setting `{key}`"));
    match nearest_key(key) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help("plimsoll config show --origin"),
    }
}

/// A setting's value; `None` for an empty one, which leaves the setting as it is.
fn value(path: &Path, setting: &Setting, content: Content, line: usize) -> Result<Option<Value>, Failure> {
    match content {
        Content::Empty => Ok(None),
        Content::Text(text) => Ok(Some(Value::One(text))),
        Content::List(nodes) => {
            let items: Result<Vec<String>, Failure> =
                nodes.into_iter().map(|node| item(path, setting, node)).collect();
            Ok(Some(Value::Many(items?)))
        }
        Content::Map(_) => Err(fault(path, line, "a map stands where a value is expected")),
    }
}

/// One item of a list: a text, or a map that stands for one.
fn item(path: &Path, setting: &Setting, node: Node) -> Result<String, Failure> {
    let line = node.line;
    let misfit = || {
        let expected = match setting.key {
            "immutable_tags" => "a list item is a text, or a map of `repositories` and `tags`",
            "ci.issuers" => "a list item is a map of `issuer`, `audience`, `jwks`, `kind` and `builder`",
            _ => "a list item is a text",
        };
        fault(path, line, expected)
    };
    match node.content {
        Content::Text(text) => Ok(text),
        Content::Map(entries) => {
            let mut texts = Vec::new();
            for (name, node) in entries {
                let Content::Text(text) = node.content else { return Err(misfit()) };
                texts.push((name, text));
            }
            join(setting, &mut texts).ok_or_else(misfit)
        }
        Content::Empty | Content::List(_) => Err(misfit()),
    }
}

/// The map's values in the form that they have in one text, as in an environment variable.
fn join(setting: &Setting, entries: &mut [(String, String)]) -> Option<String> {
    entries.sort();
    match (setting.key, &*entries) {
        ("immutable_tags", [(a, repositories), (b, tags)]) if a == "repositories" && b == "tags" => {
            Some(format!("{repositories}:{tags}"))
        }
        ("ci.issuers", _) => {
            let is_plain = |text: &String| !text.contains([';', ',']);
            let pairs = entries.iter().map(|(name, text)| is_plain(text).then(|| format!("{name}={text}")));
            pairs.collect::<Option<Vec<String>>>().map(|pairs| pairs.join(";"))
        }
        _ => None,
    }
}

/// A part of the document, with the line where it begins.
struct Node {
    line: usize,
    content: Content,
}

enum Content {
    Empty,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// The parser's events, turned into nodes. Text stays as written: no number loses its zeros.
struct Events<'a> {
    path: &'a Path,
    parser: Parser<'a, StrInput<'a>>,
    line: usize,
}

/// What is used of the parser's events.
enum Mark {
    Document,
    Text(String, ScalarStyle),
    ListStart,
    ListEnd,
    MapStart,
    MapEnd,
    Alias,
    End,
}

impl Events<'_> {
    fn document(&mut self) -> Result<Option<Node>, Failure> {
        let mut first = None;
        loop {
            match self.next()? {
                Mark::End => return Ok(first),
                Mark::Document if first.is_some() => return Err(self.fault("there are several documents")),
                Mark::Document => {}
                mark => first = Some(self.node(mark, 0)?),
            }
        }
    }

    fn node(&mut self, mark: Mark, depth: usize) -> Result<Node, Failure> {
        if depth > DEPTH_MAX {
            return Err(self.fault("the file is nested too deeply"));
        }
        let line = self.line;
        let content = match mark {
            Mark::Text(text, style) => scalar(text, style),
            Mark::ListStart => Content::List(self.list(depth)?),
            Mark::MapStart => Content::Map(self.map(depth)?),
            _ => return Err(self.fault("aliases are not supported")),
        };
        Ok(Node { line, content })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Failure> {
        let mut nodes = Vec::new();
        loop {
            match self.next()? {
                Mark::ListEnd => return Ok(nodes),
                mark => nodes.push(self.node(mark, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(String, Node)>, Failure> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        loop {
            let key = match self.next()? {
                Mark::MapEnd => return Ok(entries),
                Mark::Text(text, _) => text,
                _ => return Err(self.fault("a key is not a text")),
            };
            if entries.iter().any(|(other, _)| *other == key) {
                return Err(self.fault(&format!("`{key}` stands here twice")));
            }
            let key_line = self.line;
            let mark = self.next()?;
            let node = self.node(mark, depth + 1)?;
            entries.push((key, Node { line: key_line, ..node }));
        }
    }

    fn next(&mut self) -> Result<Mark, Failure> {
        loop {
            let Some(next) = self.parser.next_event() else { return Ok(Mark::End) };
            let (event, span) = next.map_err(|error| malformed(self.path, &error))?;
            self.line = span.start.line();
            return Ok(match event {
                Event::StreamStart | Event::DocumentEnd | Event::Comment(..) => continue,
                Event::StreamEnd => Mark::End,
                Event::DocumentStart(..) => Mark::Document,
                Event::Scalar(text, style, ..) => Mark::Text(text.into_owned(), style),
                Event::SequenceStart(..) => Mark::ListStart,
                Event::SequenceEnd => Mark::ListEnd,
                Event::MappingStart(..) => Mark::MapStart,
                Event::MappingEnd => Mark::MapEnd,
                _ => Mark::Alias,
            });
        }
    }

    fn fault(&self, what: &str) -> Failure {
        fault(self.path, self.line, what)
    }
}

/// A text, or nothing: what YAML writes for null. Quoted text is always text.
fn scalar(text: String, style: ScalarStyle) -> Content {
    let is_null = style == ScalarStyle::Plain && matches!(text.as_str(), "" | "~" | "null");
    if is_null { Content::Empty } else { Content::Text(text) }
}

fn malformed(path: &Path, error: &ScanError) -> Failure {
    fault(path, error.marker().line(), &format!("the file is not YAML: {}", error.info()))
}

fn fault(path: &Path, line: usize, what: &str) -> Failure {
    Failure::usage(what).at(format!("{}:{line}", path.display()))
}
