//! What the program `git` and the files say of what is built.

mod git;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use plimsoll_attest::{LOCK_FILES, Material, People, SourceRevision, SourceTree, source_uri};
use plimsoll_oci::Digest;

use self::git::Git;
use crate::advisories::read_bounded;
use crate::failure::Failure;

/// Largest file that is hashed.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Most commits since the earlier build.
const COMMITS_MAX: usize = 10_000;
/// What stands between the people of one commit; it is in no address.
const BETWEEN_PEOPLE: char = '\u{1f}';

/// A source tree under git.
pub(crate) struct WorkingTree {
    git: Git,
    top: PathBuf,
    commit: String,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Commit {
    /// Its full name.
    pub(crate) commit: String,
    /// When it was put into the repository, in seconds since the Unix epoch.
    pub(crate) committed_at: i64,
}

impl WorkingTree {
    /// Opens the tree that `directory` is in; nothing where there is none.
    pub(crate) async fn open(directory: &Path) -> Result<Option<Self>, Failure> {
        let Some(git) = Git::find(directory).await? else { return Ok(None) };
        let top = git.line(&["rev-parse", "--show-toplevel"]).await?;
        let Some(commit) = git.find_commit("HEAD").await? else { return Ok(None) };
        let top = PathBuf::from(top);
        Ok(Some(Self { git: Git::at(&top), top, commit }))
    }

    /// The commit that is checked out.
    pub(crate) fn commit(&self) -> &str {
        &self.commit
    }

    /// The commit with the repository that it was fetched from, if that has an address which others can use.
    pub(crate) async fn source(&self) -> Result<Option<SourceRevision>, Failure> {
        let Some(uri) = self.remote().await?.as_deref().and_then(source_uri) else { return Ok(None) };
        let at_ref = self.git_ref().await?.map(|git_ref| format!("@{git_ref}")).unwrap_or_default();
        Ok(Some(SourceRevision { uri: format!("{uri}{at_ref}"), commit: self.commit.clone() }))
    }

    /// The address of `origin`, or of the only other.
    async fn remote(&self) -> Result<Option<String>, Failure> {
        let arguments = ["config", "-z", "--get-regexp", r"^remote\..*\.url$"];
        let listed = self.git.text_if_any(&arguments).await?.unwrap_or_default();
        let mut remotes = listed.split_terminator('\0').filter_map(|entry| entry.split_once('\n'));
        let all: Vec<(&str, &str)> = remotes.by_ref().collect();
        let origin = all.iter().find(|(name, _)| *name == "remote.origin.url");
        let only = all.first().filter(|_| all.len() == 1);
        Ok(origin.or(only).map(|(_, url)| (*url).to_owned()))
    }

    /// The branch, or else the tag, that is checked out.
    async fn git_ref(&self) -> Result<Option<String>, Failure> {
        if let Some(branch) = self.git.text_if_any(&["symbolic-ref", "--quiet", "HEAD"]).await? {
            return Ok(Some(branch.trim_end().to_owned()));
        }
        let tag = self.git.text_if_any(&["describe", "--tags", "--exact-match", "HEAD"]).await?;
        Ok(tag.map(|tag| format!("refs/tags/{}", tag.trim_end())))
    }

    /// How far the tree is from its commit.
    pub(crate) async fn state(&self) -> Result<SourceTree, Failure> {
        let arguments = ["status", "--porcelain=v1", "-z", "--untracked-files=normal"];
        let listed = self.git.text(&arguments).await?;
        let (mut changed, mut untracked) = (0, 0);
        let mut entries = listed.split_terminator('\0');
        while let Some(entry) = entries.next() {
            match entry.as_bytes().first() {
                Some(b'?') => untracked += 1,
                // What was renamed has its former name as an entry of its own.
                Some(b'R' | b'C') => {
                    entries.next();
                    changed += 1;
                }
                _ => changed += 1,
            }
        }
        Ok(SourceTree { changed, untracked })
    }

    /// Who wrote what came since `since`, else what the last commit brought: of a merge, all that it merged.
    pub(crate) async fn people(&self, since: Option<&str>) -> Result<People, Failure> {
        let since = match since {
            Some(since) => Some(self.earlier(since).await?),
            None => self.git.find_commit("HEAD^1").await?,
        };
        let range = since.as_ref().map_or(self.commit.clone(), |since| format!("{since}..{}", self.commit));
        let most = (COMMITS_MAX + 1).to_string();
        let format = "--format=%ae%x1f%ce%x1f%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x1f)";
        let listed = self.git.text(&["log", "-z", "--max-count", &most, format, &range]).await?;
        let commits: Vec<&str> = listed.split_terminator('\0').collect();
        if commits.len() > COMMITS_MAX {
            let what = format!("there are more than {COMMITS_MAX} commits since the earlier build");
            return Err(Failure::usage(what).help("--since COMMIT, of the last build that was pushed"));
        }
        let (authors, committers) = people_of(&commits);
        Ok(People { since, commits: commits.len() as u64, authors, committers })
    }

    /// The commits that `good` lacks and `bad` has and that changed one of these files, the earliest first; `None` where
    /// the tree lacks one of the two.
    pub(crate) async fn commits_that_changed(
        &self,
        good: &str,
        bad: &str,
        files: &[String],
    ) -> Result<Option<Vec<Commit>>, Failure> {
        let (good, bad) = (self.git.find_commit(good).await?, self.git.find_commit(bad).await?);
        let Some((good, bad)) = good.zip(bad) else { return Ok(None) };
        let (range, most) = (format!("{good}..{bad}"), COMMITS_MAX.to_string());
        let how =
            ["log", "-z", "--reverse", "--topo-order", "--max-count", &most, "--format=%H%x1f%ct", &range];
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let listed = self.git.text(&[&how[..], &["--"], &files].concat()).await?;
        let commit = |entry: &str| {
            let (commit, committed_at) = entry.trim_end_matches('\n').split_once(BETWEEN_PEOPLE)?;
            Some(Commit { commit: commit.to_owned(), committed_at: committed_at.parse().ok()? })
        };
        Ok(Some(listed.split_terminator('\0').filter_map(commit).collect()))
    }

    async fn earlier(&self, since: &str) -> Result<String, Failure> {
        let unknown = || {
            Failure::usage(format!("the source tree has no commit `{since}`"))
                .at(self.top.display().to_string())
                .help("a shallow checkout lacks it: git fetch --unshallow")
        };
        self.git.find_commit(since).await?.ok_or_else(unknown)
    }

    /// A file with its hashes, by its path in the repository; nothing if git does not know it.
    pub(crate) async fn file(&self, path: &Path) -> Result<Option<Material>, Failure> {
        let unreadable =
            |error| Failure::usage("cannot find the file").at(path.display().to_string()).because(&error);
        let whole = fs::canonicalize(path).map_err(unreadable)?;
        let top = fs::canonicalize(&self.top).map_err(unreadable)?;
        let Ok(inside) = whole.strip_prefix(&top) else { return Ok(None) };
        let Some(inside) = inside.to_str() else { return Ok(None) };
        let known = self.listed(&[&format!(":(top,literal){inside}")]).await?;
        let blob = known.get(inside).map(|hash| ("gitBlob".to_owned(), hash.clone()));
        let material = hashed(inside, &whole)?;
        Ok(material.map(|mut material| {
            material.digest.extend(blob);
            material
        }))
    }

    /// The lock files of the whole repository, as they lie there.
    pub(crate) async fn lock_files(&self) -> Result<Vec<Material>, Failure> {
        let patterns: Vec<String> = LOCK_FILES.iter().map(|name| format!(":(top,glob)**/{name}")).collect();
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let mut found = Vec::new();
        for (path, blob) in self.listed(&patterns).await? {
            if let Some(mut material) = hashed(&path, &self.top.join(&path))? {
                material.digest.insert("gitBlob".to_owned(), blob);
                found.push(material);
            }
        }
        Ok(found)
    }

    /// The files that git knows, with the hashes it knows them by.
    async fn listed(&self, patterns: &[&str]) -> Result<BTreeMap<String, String>, Failure> {
        let arguments = [&["ls-files", "--stage", "-z", "--"], patterns].concat();
        let listed = self.git.text(&arguments).await?;
        let read = |entry: &str| {
            // `MODE HASH STAGE<tab>PATH`
            let (about, path) = entry.split_once('\t')?;
            let hash = about.split(' ').nth(1)?;
            Some((path.to_owned(), hash.to_owned()))
        };
        Ok(listed.split_terminator('\0').filter_map(read).collect())
    }
}

/// A file by its name with its hash; nothing for one that is not there or is no plain file.
pub(crate) fn hashed(name: &str, path: &Path) -> Result<Option<Material>, Failure> {
    if !fs::symlink_metadata(path).is_ok_and(|about| about.is_file()) {
        return Ok(None);
    }
    let unreadable = |error| Failure::usage("cannot read a file of the build").at(name).because(&error);
    let bytes = read_bounded(path, FILE_BYTES_MAX).map_err(unreadable)?;
    let digest = [("sha256".to_owned(), Digest::sha256_of(&bytes).encoded())].into();
    Ok(Some(Material { name: Some(name.to_owned()), uri: None, digest }))
}

/// Authors with those who wrote along, and committers.
fn people_of(commits: &[&str]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut authors, mut committers) = (BTreeSet::new(), BTreeSet::new());
    for commit in commits {
        let mut people = commit.trim_end_matches('\n').split(BETWEEN_PEOPLE);
        authors.extend(people.next().and_then(address));
        committers.extend(people.next().and_then(address));
        authors.extend(people.filter_map(address));
    }
    (authors, committers)
}

/// The address in `Name <address>`, or the text itself.
fn address(person: &str) -> Option<String> {
    let inner =
        person.rsplit_once('<').map_or(person, |(_, rest)| rest.split('>').next().unwrap_or_default());
    let address = inner.trim();
    (!address.is_empty()).then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wrote_along_is_an_author_too() {
        let commits =
            ["ana@x\u{1f}ben@x\u{1f}Cem <cem@x>\u{1f}dan@x\n", "ana@x\u{1f}ana@x\u{1f}", "\u{1f}\u{1f}"];
        let (authors, committers) = people_of(&commits);
        assert_eq!(authors.iter().collect::<Vec<_>>(), ["ana@x", "cem@x", "dan@x"]);
        assert_eq!(committers.iter().collect::<Vec<_>>(), ["ana@x", "ben@x"]);
    }
}
