use std::collections::BTreeSet;
use std::path::Path;

use plimsoll_testkit::find_peer;

use super::super::bounded::{bounded, run};
use super::super::real_advisories::records;
use super::Bullseye;

/// Reads records as they were published, and prints which of them affect which of the packages that are listed: the words
/// of the specification, and versions compared by whoever knows their order best. Withdrawn records do not count.
const PROGRAM: &str = r#"
import json, re, subprocess, sys
order, ecosystem, listed = sys.argv[1:]

def dpkg_precedes(a, b):
    return subprocess.run(["dpkg", "--compare-versions", a, "lt", b]).returncode == 0

def python_precedes(a, b):
    from packaging.version import Version
    return Version(a) < Version(b)

precedes = dpkg_precedes if order == "dpkg" else python_precedes
normal = (lambda name: name) if order == "dpkg" else (lambda name: re.sub("[-_.]+", "-", name).lower())

def in_range(version, events):
    # Events come sorted in these records: the last one at or below the version decides.
    affected = False
    for event in events:
        (kind, at), = event.items()
        if kind == "introduced" and (at == "0" or not precedes(version, at)):
            affected = True
        elif kind == "fixed" and not precedes(version, at):
            affected = False
        elif kind == "last_affected" and precedes(at, version):
            affected = False
    return affected

def same(a, b):
    return not precedes(a, b) and not precedes(b, a)

installed = {}
for line in open(listed):
    name, version = line.split()
    installed.setdefault(normal(name), set()).add(version)
for line in sys.stdin:
    record = json.loads(line)
    if record.get("withdrawn"):
        continue
    for affected in record["affected"]:
        package = affected["package"]
        if package["ecosystem"] != ecosystem:
            continue
        for version in installed.get(normal(package["name"]), ()):
            ranges = [each for each in affected.get("ranges", []) if each["type"] == "ECOSYSTEM"]
            if version in affected.get("versions", []) or any(in_range(version, each["events"]) for each in ranges):
                print(normal(package["name"]), record["id"])
"#;

/// Which records affect Debian's packages, as `source record`.
pub(super) fn of_debian(image: &Bullseye, home: &Path) -> Option<BTreeSet<String>> {
    ask(["dpkg", "Debian:11"], &image.sources(), "debian", home)
}

/// Which records affect the Python packages, as `name record`.
pub(super) fn of_python(image: &Bullseye, home: &Path) -> Option<BTreeSet<String>> {
    ask(["packaging", "PyPI"], &image.python_packages(), "pypi", home)
}

fn ask(words: [&str; 2], listed: &Path, source: &str, home: &Path) -> Option<BTreeSet<String>> {
    let (shell, _) = (find_peer("sh")?, find_peer("zstd")?);
    let records = records().join(format!("{source}.jsonl.zst")).canonicalize().unwrap();
    let mut pipe = bounded(&shell, home);
    pipe.args(["-c", "zstd --decompress --stdout \"$1\" | python3 -c \"$2\" \"$3\" \"$4\" \"$5\"", "sh"]);
    let said = run(pipe.arg(records).arg(PROGRAM).args(words).arg(listed));
    Some(said.lines().map(str::to_owned).collect())
}
