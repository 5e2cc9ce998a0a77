use plimsoll_peers::{find_peer, passed_over};
use plimsoll_sbom::Kinship;

use super::{names, output, owner, program_at, read_tree, scratch, sorted};

/// Packs a wheel with one module and one command.
const WHEEL: &str = r#"
import zipfile
info = "Old_Thing-1.2.3.dist-info"
with zipfile.ZipFile("Old_Thing-1.2.3-py3-none-any.whl", "w") as wheel:
    wheel.writestr("old_thing/__init__.py", "def main(): pass\n")
    wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: Old.Thing\nVersion: 1.2.3\nLicense: MIT\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\nold-thing = old_thing:main\n")
    wheel.writestr(f"{info}/RECORD", f"old_thing/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n"
        f"{info}/entry_points.txt,,\n{info}/RECORD,,\n")
"#;

#[test]
fn a_virtual_environment_holds_what_pip_lists() {
    let Some(python) = find_peer("python3") else { return };
    let (_directory, root) = scratch();
    if !python.command().args(["-c", "import ensurepip"]).output().unwrap().status.success() {
        return passed_over("python3 has no `ensurepip`");
    }
    let environment = root.join("venv");
    output(python.command().args(["-m", "venv"]).arg(&environment), &root);
    output(python.command().args(["-c", WHEEL]).current_dir(&root), &root);
    let pip = |arguments: &[&str]| {
        let mut command = program_at(&environment.join("bin/python"));
        command.args(["-m", "pip"]).args(arguments);
        command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        output(command.current_dir(&root), &root)
    };
    pip(&["install", "--no-index", "--no-deps", "Old_Thing-1.2.3-py3-none-any.whl"]);

    let read = read_tree(&environment);
    let listed = pip(&["list", "--format=freeze"]);
    let listed = sorted(listed.lines().map(|line| line.replace("==", " ").replace("Old.Thing", "old-thing")));
    assert_eq!(names(&read, Kinship::Installed), listed);
    assert!(environment.join("bin/old-thing").is_file());
    assert_eq!(owner(&read, "bin/old-thing"), Some("old-thing"));
}
