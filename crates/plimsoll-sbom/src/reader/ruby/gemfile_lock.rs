//! `Gemfile.lock`: sections of sources, each with its gems four spaces in and what they need six.

use crate::reader::lock::Locked;
use crate::reader::{File, ReadFault, Reader};
use crate::{Component, Facts, PackageType};

pub(in crate::reader) const READER: Reader = Reader {
    name: "gemfile-lock",
    wants: |file| matches!(file.name, "Gemfile.lock" | "gems.locked"),
    bytes_max: 4 << 20,
    read,
};

fn read(file: &mut File<'_>) -> Result<Facts, ReadFault> {
    let text = file.text()?;
    let mut locked = Locked::default();
    let (mut section, mut remote) = ("", "");
    for line in text.lines() {
        if line.starts_with(|first: char| !first.is_whitespace()) {
            (section, remote) = (line.trim_end(), "");
        } else if let Some(place) = line.strip_prefix("  remote: ") {
            remote = place.trim();
        } else if matches!(section, "GEM" | "GIT") {
            // Those of `PATH` are the project's own.
            locked.extend(gem(line).map(|gem| with_origin(gem, section, remote)));
        }
    }
    Ok(locked.finish())
}

/// `    name (1.2.3-x86_64-linux)`.
fn gem(line: &str) -> Option<Component> {
    let line = line.strip_prefix("    ").filter(|line| !line.starts_with(' '))?;
    let (name, rest) = line.split_once(" (")?;
    let version = rest.strip_suffix(')')?;
    let (number, platform) = version.split_once('-').map_or((version, None), |(one, two)| (one, Some(two)));
    let mut gem = Component::new(PackageType::Gem, name, number);
    gem.architecture = platform.map(str::to_owned);
    Some(gem)
}

fn with_origin(mut gem: Component, section: &str, remote: &str) -> Component {
    if section == "GIT" {
        gem.properties.insert(Component::ORIGIN.to_owned(), remote.to_owned());
    }
    gem
}
