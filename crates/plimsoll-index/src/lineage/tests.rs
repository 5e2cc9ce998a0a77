use std::collections::{BTreeMap, BTreeSet};

use plimsoll_oci::{DiffId, Digest};
use plimsoll_sbom::PackageType;
use proptest::prelude::*;

use super::*;

/// A source and its base, from which builds are rendered; each number is a version of something.
#[derive(Clone, Debug)]
struct Project {
    commit: u32,
    /// The tag that `FROM` names.
    from: u32,
    /// What that tag points at.
    base: u32,
    /// Whether it brings what is asked for; the same for what follows.
    base_holds: bool,
    lock: u32,
    lock_holds: bool,
    /// What an instruction that pins nothing fetched.
    fetched: u32,
    fetched_holds: bool,
    /// An instruction of the Dockerfile that installs it.
    installs: bool,
    count: u32,
}

/// What happens between two builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Nothing,
    Drift,
    Bump,
    Lock,
    Fetch,
    Dockerfile,
}

const HAPPENINGS: [Happening; 6] = [
    Happening::Nothing,
    Happening::Drift,
    Happening::Bump,
    Happening::Lock,
    Happening::Fetch,
    Happening::Dockerfile,
];

impl Project {
    fn new() -> Self {
        let (commit, from, base, lock, fetched, count) = (0, 0, 0, 0, 0, 0);
        let (base_holds, lock_holds, fetched_holds, installs) = (false, false, false, false);
        Self { commit, from, base, base_holds, lock, lock_holds, fetched, fetched_holds, installs, count }
    }

    fn let_happen(&mut self, happening: Happening) {
        self.count += 1;
        match happening {
            Happening::Nothing => {}
            Happening::Drift => (self.base, self.base_holds) = (self.count, !self.base_holds),
            Happening::Bump => {
                (self.base, self.base_holds) = (self.count, !self.base_holds);
                (self.from, self.commit) = (self.count, self.count);
            }
            Happening::Lock => {
                (self.lock, self.lock_holds, self.commit) = (self.count, !self.lock_holds, self.count);
            }
            Happening::Fetch => (self.fetched, self.fetched_holds) = (self.count, !self.fetched_holds),
            Happening::Dockerfile => (self.installs, self.commit) = (!self.installs, self.count),
        }
    }

    fn holds(&self) -> bool {
        self.base_holds || self.lock_holds || self.fetched_holds || self.installs
    }

    fn build(&self) -> Build {
        let mut layers =
            vec![layer("base", self.base), layer("fetched", self.fetched), layer("lock", self.lock)];
        let mut instructions =
            vec![None, Some("RUN fetch latest".to_owned()), Some("COPY package-lock.json ./".to_owned())];
        let mut build = Build::default();
        let parts = [
            (0, PackageType::Deb, "var/lib/dpkg/status", self.base_holds),
            (1, PackageType::Npm, "opt/tool/package.json", self.fetched_holds),
            (2, PackageType::Npm, "app/package-lock.json", self.lock_holds),
        ];
        for (layer, package_type, path, holds) in parts {
            let side = if holds { &mut build.held } else { &mut build.others };
            side.push(occurrence(layer, package_type, path, holds));
        }
        if self.installs {
            layers.push(layer("installed", 0));
            instructions.push(Some("RUN install it".to_owned()));
            build.held.push(occurrence(3, PackageType::Deb, "opt/db", true));
        }
        let tags = BTreeSet::from([format!("base:{}", self.from)]);
        let base = Base {
            layers: 1,
            digest: Some(Digest::sha256_of(&self.base.to_le_bytes())),
            declared: None,
            tags,
        };
        let origin = Origin {
            repository: Some("git+https://example.org/app".to_owned()),
            commit: Some(self.commit.to_string()),
            dockerfile: Some(format!("{} {}", self.from, self.installs)),
            lock_files: BTreeMap::from([("package-lock.json".to_owned(), self.lock.to_string())]),
        };
        Build { layers, instructions, base: Some(base), origin: Some(origin), ..build }
    }
}

fn layer(what: &str, version: u32) -> DiffId {
    DiffId(Digest::sha256_of(format!("{what} {version}").as_bytes()))
}

fn occurrence(layer: usize, package_type: PackageType, path: &str, holds: bool) -> Occurrence {
    Occurrence {
        package_type,
        name: path.to_owned(),
        version: if holds { "1.0" } else { "1.1" }.to_owned(),
        path: path.to_owned(),
        layer: Some(layer),
        is_locked: path.ends_with("package-lock.json"),
    }
}

/// What must have happened for there to be this cause.
fn happening_of(cause: &Cause) -> Option<Happening> {
    match cause {
        Cause::BaseDrift { .. } => Some(Happening::Drift),
        Cause::BaseBump { .. } => Some(Happening::Bump),
        Cause::LockFile { .. } => Some(Happening::Lock),
        Cause::Instruction { step: Step::Repeated, .. } => Some(Happening::Fetch),
        Cause::Instruction { .. } => Some(Happening::Dockerfile),
        Cause::FirstBuild | Cause::BaseChanged { .. } | Cause::Unexplained => None,
    }
}

fn happenings_of(changes: &[Change]) -> Vec<Option<Happening>> {
    changes.iter().map(|change| happening_of(&change.cause)).collect()
}

/// A history: what happened before each build, and whether the build could be evaluated.
fn histories() -> impl Strategy<Value = Vec<(Happening, bool)>> {
    let step = (proptest::sample::select(&HAPPENINGS[..]), proptest::bool::weighted(0.8));
    proptest::collection::vec(step, 0..40)
}

fn lines() -> impl Strategy<Value = Vec<Holding>> {
    let holding = proptest::sample::select(&[Holding::Held, Holding::Free, Holding::Unknown][..]);
    proptest::collection::vec(holding, 0..10)
}

/// All the lines that a line may be in truth: each unknown build holds it or does not.
fn truths(line: &[Holding]) -> Vec<Vec<bool>> {
    line.iter().fold(vec![Vec::new()], |truths, holding| {
        let may_be: &[bool] = match holding {
            Holding::Held => &[true],
            Holding::Free => &[false],
            Holding::Unknown => &[true, false],
        };
        let longer = |truth: &Vec<bool>, next: bool| truth.iter().copied().chain([next]).collect();
        truths.iter().flat_map(|truth| may_be.iter().map(move |next| longer(truth, *next))).collect()
    })
}

/// The first and the last build of the run around a place.
fn run_around(truth: &[bool], place: usize) -> (usize, usize) {
    let first = truth[..place].iter().rposition(|held| !held).map_or(0, |free| free + 1);
    let end = truth[place..].iter().position(|held| !held).map_or(truth.len(), |after| place + after);
    (first, end - 1)
}

/// The runs that hold some build of which it is known.
fn known_runs(truth: &[bool], line: &[Holding]) -> usize {
    let known = (0..line.len()).filter(|place| line[*place] == Holding::Held);
    known.map(|place| run_around(truth, place)).collect::<BTreeSet<_>>().len()
}

proptest! {
    #[test]
    fn edges_are_all_that_may_be_true_and_nothing_else(line in lines()) {
        let (found, truths) = (intervals(&line), truths(&line));
        let fewest = truths.iter().map(|truth| known_runs(truth, &line)).min().unwrap_or_default();
        prop_assert_eq!(found.len(), fewest);
        for interval in &found {
            let runs = |place| truths.iter().map(move |truth| run_around(truth, place));
            let entries: BTreeSet<usize> = runs(interval.first).map(|(first, _)| first).collect();
            prop_assert_eq!(interval.entered_with().collect::<BTreeSet<_>>(), entries);
            let exits: BTreeSet<usize> = runs(interval.last).map(|(_, last)| last + 1).collect();
            let mut told: BTreeSet<usize> = interval.left_with(line.len()).into_iter().flatten().collect();
            if interval.after.is_none() {
                told.insert(line.len());
            }
            prop_assert_eq!(told, exits);
            let inside = &line[interval.first..=interval.last];
            prop_assert!(!inside.contains(&Holding::Free));
        }
        let held = line.iter().filter(|holding| **holding == Holding::Held).count();
        let covered: usize = found
            .iter()
            .map(|it| line[it.first..=it.last].iter().filter(|holding| **holding == Holding::Held).count())
            .sum();
        prop_assert_eq!(covered, held);
    }

    #[test]
    fn each_edge_is_told_with_what_happened_there(history in histories()) {
        let mut project = Project::new();
        let projects: Vec<Project> = history
            .iter()
            .map(|(happening, _)| {
                project.let_happen(*happening);
                project.clone()
            })
            .collect();
        let line: Vec<Holding> = projects
            .iter()
            .zip(&history)
            .map(|(project, (_, is_known))| match (is_known, project.holds()) {
                (false, _) => Holding::Unknown,
                (true, true) => Holding::Held,
                (true, false) => Holding::Free,
            })
            .collect();
        for interval in intervals(&line) {
            let first = projects[interval.first].build();
            let Some(before) = interval.before else {
                prop_assert_eq!(entry(None, &first)[0].cause.clone(), Cause::FirstBuild);
                continue;
            };
            let entered = happenings_of(&entry(Some(&projects[before].build()), &first));
            let between: Vec<Happening> =
                history[before + 1..=interval.first].iter().map(|(happening, _)| *happening).collect();
            prop_assert!(!entered.is_empty());
            if let [only] = between.as_slice() {
                prop_assert_eq!(entered, vec![Some(*only)]);
            } else {
                let happened = |it: &Option<Happening>| it.is_some_and(|it| between.contains(&it) || is_base(it, &between));
                prop_assert!(entered.iter().all(happened), "{:?} of {:?}", entered, between);
            }
            let Some(after) = interval.after else { continue };
            let left = happenings_of(&exit(&projects[interval.last].build(), &projects[after].build()));
            let between: Vec<Happening> =
                history[interval.last + 1..=after].iter().map(|(happening, _)| *happening).collect();
            if let [only] = between.as_slice() {
                prop_assert_eq!(left, vec![Some(*only)]);
            }
        }
    }
}

/// Whether the base was moved and `FROM` changed between the same two builds, so that both are one change of the base.
fn is_base(told: Happening, between: &[Happening]) -> bool {
    matches!(told, Happening::Drift | Happening::Bump)
        && between.iter().any(|it| matches!(it, Happening::Drift | Happening::Bump))
}

/// Two builds with one thing between them.
fn two(change: impl Fn(&mut Project)) -> (Build, Build) {
    let mut project = Project::new();
    let before = project.build();
    change(&mut project);
    (before, project.build())
}

#[test]
fn a_base_that_moved_under_its_tag_is_drift_with_no_commit_at_all() {
    let (before, with) = two(|project| project.let_happen(Happening::Drift));
    let changes = entry(Some(&before), &with);
    let [Change { cause: Cause::BaseDrift { name, from, to, ground }, components }] = changes.as_slice()
    else {
        panic!("{changes:?}")
    };
    assert_eq!((name.as_deref(), *ground), (Some("base:0"), Ground::SameCommit));
    assert_ne!(from.digest, to.digest);
    let [Moved { before: Some(former), now: Some(now) }] = components.as_slice() else {
        panic!("{components:?}")
    };
    assert_eq!((former.version.as_str(), now.version.as_str()), ("1.1", "1.0"));
}

#[test]
fn without_provenance_the_tags_of_the_base_tell_drift_from_bump() {
    let strip = |(mut before, mut with): (Build, Build)| {
        (before.origin, with.origin) = (None, None);
        (before, with)
    };
    let cause = |(before, with): &(Build, Build)| entry(Some(before), with)[0].cause.clone();
    let drift = strip(two(|project| project.let_happen(Happening::Drift)));
    assert!(matches!(cause(&drift), Cause::BaseDrift { ground: Ground::Tags, .. }));
    let bump = strip(two(|project| project.let_happen(Happening::Bump)));
    assert!(matches!(cause(&bump), Cause::BaseBump { ground: Ground::Tags, .. }));
    // With `latest` on both, it may have been either.
    let (mut before, mut with) = bump;
    for build in [&mut before, &mut with] {
        build.base.as_mut().unwrap().tags.insert("base:latest".to_owned());
    }
    assert!(matches!(cause(&(before.clone(), with.clone())), Cause::BaseChanged { .. }));
    // What the builds say themselves goes before.
    for build in [&mut before, &mut with] {
        build.base.as_mut().unwrap().declared = Some("base:latest".to_owned());
    }
    assert!(matches!(cause(&(before, with)), Cause::BaseDrift { ground: Ground::Declared, .. }));
}

#[test]
fn a_version_that_was_mended_above_the_base_comes_back_when_the_instruction_goes() {
    let build = |is_mended: bool| {
        let mut build = Project { base_holds: true, ..Project::new() }.build();
        if is_mended {
            build.layers.push(layer("upgraded", 0));
            build.instructions.push(Some("RUN apt-get upgrade".to_owned()));
            build.held.clear();
            build.others.push(Occurrence {
                version: "1.1".to_owned(),
                ..occurrence(3, PackageType::Deb, "var/lib/dpkg/status", false)
            });
        }
        build
    };
    let removed = Cause::Instruction { step: Step::Removed, text: Some("RUN apt-get upgrade".to_owned()) };
    assert_eq!(entry(Some(&build(true)), &build(false))[0].cause, removed);
    let added = Cause::Instruction { step: Step::Added, text: Some("RUN apt-get upgrade".to_owned()) };
    assert_eq!(exit(&build(false), &build(true))[0].cause, added);
}

#[test]
fn a_lock_file_is_blamed_for_what_an_instruction_installed_by_it() {
    let build = |version: u32, holds: bool| {
        let mut build = Project::new().build();
        (build.held, build.others) = (Vec::new(), Vec::new());
        build.layers = vec![layer("base", 0), layer("lock", version), layer("modules", version)];
        build.instructions =
            vec![None, Some("COPY package-lock.json ./".to_owned()), Some("RUN npm ci".to_owned())];
        let installed = occurrence(2, PackageType::Npm, "app/node_modules/leaf/package.json", holds);
        if holds {
            build.held.push(installed);
        } else {
            build.others.push(installed);
        }
        build.origin = None;
        build
    };
    let lock = Cause::LockFile { path: "package-lock.json".to_owned() };
    assert_eq!(entry(Some(&build(0, false)), &build(1, true))[0].cause, lock);
    assert_eq!(exit(&build(1, true), &build(2, false))[0].cause, lock);
    // The same lock file, and npm installed something else all the same.
    let mut with = build(1, true);
    with.layers[1] = layer("lock", 0);
    let repeated = Cause::Instruction { step: Step::Repeated, text: Some("RUN npm ci".to_owned()) };
    assert_eq!(entry(Some(&build(0, false)), &with)[0].cause, repeated);
}

#[test]
fn what_is_not_known_is_not_explained() {
    let nothing = Build::default();
    let mut with = Build {
        held: vec![occurrence(7, PackageType::Deb, "var/lib/dpkg/status", true)],
        ..Build::default()
    };
    assert_eq!(entry(Some(&nothing), &with)[0].cause, Cause::Unexplained, "there is no such layer");
    with.held[0].layer = None;
    assert_eq!(entry(Some(&nothing), &with)[0].cause, Cause::Unexplained);
    assert_eq!(exit(&with, &nothing)[0].cause, Cause::Unexplained);
    assert_eq!(entry(None, &with)[0].cause, Cause::FirstBuild);
}

#[test]
fn unknown_builds_widen_an_edge_and_never_count_as_free() {
    use Holding::{Free, Held, Unknown};
    let line = [Free, Unknown, Held, Unknown, Held, Unknown, Free, Held, Unknown];
    let [first, second] = intervals(&line)[..] else { panic!() };
    assert_eq!((first.entered_with(), first.left_with(line.len())), (1..=2, Some(5..=6)));
    assert_eq!(
        (first.entry_confidence(true), first.exit_confidence(true)),
        (Confidence::Range, Confidence::Range)
    );
    assert_eq!((second.entered_with(), second.left_with(line.len())), (7..=7, Some(8..=8)));
    assert_eq!(
        (second.entry_confidence(true), second.entry_confidence(false)),
        (Confidence::Exact, Confidence::NoProvenance)
    );
    assert_eq!((second.after, second.exit_confidence(true)), (None, Confidence::Range));
    assert!(intervals(&[Unknown, Free, Unknown]).is_empty());
}
