//! From the files and directories that were named to the sources of an index.

use std::fs::{self, File};
use std::io::{BufWriter, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use plimsoll_vuln::import::{RECORD_BYTES_MAX, Source, import};
use plimsoll_vuln::index::{Builder, Built};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::about::About;
use crate::advisories::{cannot, is_partial, read_bounded};
use crate::failure::Failure;

/// How files end that may hold advisories. What else lies in a directory, such as its description, is passed over.
const ENDINGS: &[&str] = &["json", "jsonl", "zip", "csv", "gz", "zst"];
/// Files that are looked at in one directory. The largest ecosystem has about 300,000 records.
const FILES_MAX: usize = 2_000_000;
/// How deep directories may lie in each other.
const DEPTH_MAX: usize = 8;

/// Something that is read in one go, and counted under one name.
pub(super) struct SourceFile {
    pub(super) name: String,
    pub(super) file: File,
    pub(super) about: About,
}

/// Opens what was named, of all of which `about` is said. The records of a directory, one in each file, become one
/// source.
pub(super) fn gather(paths: &[PathBuf], about: &About) -> Result<Vec<SourceFile>, Failure> {
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() {
            gather_directory(path, &mut sources)?;
        } else {
            sources.push(open(path)?);
        }
    }
    sources.iter_mut().for_each(|source| source.about = about.clone());
    sources.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(sources)
}

/// Makes an index of sources.
pub(super) fn compile(sources: &mut [SourceFile], now: Timestamp) -> Result<Built, Failure> {
    let mut builder = Builder::at(now);
    for SourceFile { name, file, about } in sources {
        let source = Source { name, licence: about.licence.as_deref(), time: about.time };
        file.rewind().map_err(|error| cannot("read", Path::new(name), &error))?;
        import(&mut builder, &source, &mut *file)
            .map_err(|error| Failure::not_evaluated(format!("cannot use `{name}`")).because(&error))?;
    }
    builder.finish().map_err(|error| Failure::not_evaluated("cannot write the index").because(&error))
}

fn gather_directory(directory: &Path, sources: &mut Vec<SourceFile>) -> Result<(), Failure> {
    let mut records = Records::begin(directory)?;
    for path in files_in(directory)? {
        match record_in(&path)? {
            Some(json) => records.add(&json)?,
            None => sources.push(open(&path)?),
        }
    }
    sources.extend(records.finish()?);
    Ok(())
}

/// All files of a directory and the directories in it that may hold advisories, in the order of their names.
fn files_in(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut waiting = vec![(directory.to_owned(), 0)];
    while let Some((directory, depth)) = waiting.pop() {
        let entries = fs::read_dir(&directory).map_err(|error| cannot("list", &directory, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| cannot("list", &directory, &error))?;
            let path = entry.path();
            // A link is not followed, so that there is no way in circles.
            let kind = entry.file_type().map_err(|error| cannot("list", &directory, &error))?;
            if kind.is_dir() && depth < DEPTH_MAX {
                waiting.push((path, depth + 1));
            } else if kind.is_file() && may_hold_advisories(&path) {
                files.push(path);
            }
        }
        if files.len() > FILES_MAX {
            return Err(Failure::not_evaluated(format!("the directory has more than {FILES_MAX} files"))
                .at(directory.display().to_string()));
        }
    }
    files.sort();
    Ok(files)
}

fn may_hold_advisories(path: &Path) -> bool {
    let is_complete = path.file_name().is_some_and(|name| !is_partial(&name.to_string_lossy()));
    let ending = path.extension().and_then(|ending| ending.to_str());
    is_complete && ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

/// A single record, if that is what the file holds.
fn record_in(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    /// What every record has, and no other document that is read.
    #[derive(Deserialize)]
    struct Probe {
        #[serde(rename = "id")]
        _id: IgnoredAny,
        #[serde(rename = "modified")]
        _modified: IgnoredAny,
    }
    let is_small = fs::metadata(path).is_ok_and(|metadata| metadata.len() <= RECORD_BYTES_MAX);
    if path.extension().is_none_or(|ending| ending != "json") || !is_small {
        return Ok(None);
    }
    let json = read_bounded(path, RECORD_BYTES_MAX).map_err(|error| cannot("read", path, &error))?;
    let is_record = serde_json::from_slice::<Probe>(&json).is_ok();
    Ok(is_record.then_some(json))
}

fn open(path: &Path) -> Result<SourceFile, Failure> {
    let file = File::open(path).map_err(|error| cannot("read", path, &error))?;
    Ok(SourceFile { name: name_of(path), file, about: About::default() })
}

fn name_of(path: &Path) -> String {
    let name = path.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_owned()));
    name.map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// The records of a directory, put on the lines of one file.
struct Records {
    name: String,
    lines: BufWriter<File>,
    count: usize,
}

impl Records {
    fn begin(directory: &Path) -> Result<Self, Failure> {
        let file = tempfile::tempfile()
            .map_err(|error| Failure::not_evaluated("cannot write a temporary file").because(&error))?;
        let name = format!("{}.jsonl", name_of(directory));
        Ok(Self { name, lines: BufWriter::new(file), count: 0 })
    }

    /// A line break stands in JSON only where a space may.
    fn add(&mut self, json: &[u8]) -> Result<(), Failure> {
        let line: Vec<u8> =
            json.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect();
        self.count += 1;
        self.lines
            .write_all(&line)
            .and_then(|()| self.lines.write_all(b"\n"))
            .map_err(|error| self.failed(&error))
    }

    fn finish(self) -> Result<Option<SourceFile>, Failure> {
        if self.count == 0 {
            return Ok(None);
        }
        let name = self.name;
        let file = self.lines.into_inner().map_err(|error| {
            Failure::not_evaluated(format!("cannot gather the records of `{name}`")).because(error.error())
        })?;
        Ok(Some(SourceFile { name, file, about: About::default() }))
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::not_evaluated(format!("cannot gather the records of `{}`", self.name)).because(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "{\n  \"id\": \"PYSEC-ID\",\n  \"modified\": \"2026-01-02T00:00:00Z\",\n  \"affected\": [\n    \
        {\"package\": {\"ecosystem\": \"PyPI\", \"name\": \"a\"}, \"versions\": [\"1\"]}\n  ]\n}\n";

    const NOW: Timestamp = Timestamp::MAX;

    #[test]
    fn the_records_of_a_directory_are_one_source_and_other_files_are_one_each() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("osv");
        fs::create_dir_all(directory.join("deeper")).unwrap();
        fs::write(directory.join("1.json"), RECORD.replace("ID", "1")).unwrap();
        fs::write(directory.join("deeper/2.json"), RECORD.replace("ID", "2")).unwrap();
        fs::write(directory.join("README.md"), "no advisory").unwrap();
        fs::write(directory.join("epss.csv"), "cve,epss,percentile\nCVE-2020-10001,0.5,0.9\n").unwrap();
        let about = About { licence: Some("CC0-1.0".to_owned()), time: None };
        let mut sources = gather(&[directory], &about).unwrap();
        let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(names, ["epss.csv", "osv.jsonl"]);
        let built = compile(&mut sources, NOW).unwrap();
        assert!(built.catalogue.sources.iter().all(|source| source.licence == about.licence));
        let kept: Vec<u64> = built.catalogue.sources.iter().map(|source| source.tally.kept).collect();
        assert_eq!(kept, [1, 2]);
    }

    #[test]
    fn what_is_no_advisory_is_refused_by_name() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("notes.json");
        fs::write(&file, r#"{"hello":"world"}"#).unwrap();
        let failure = compile(&mut gather(&[file], &About::default()).unwrap(), NOW).err().unwrap();
        assert_eq!(failure.what, "cannot use `notes.json`");
    }
}
