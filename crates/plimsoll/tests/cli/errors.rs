use std::net::TcpListener;

use crate::{finish, run, run_in, start};

#[test]
fn a_wrong_command_line_is_code_2_and_helped() {
    let wrong = run(&["inspcet"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""));
    assert!(wrong.stderr.starts_with("error: unrecognized subcommand 'inspcet'\n"), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("'inspect'"));
    assert_eq!(wrong.last_line(), "plimsoll: wrong usage (exit code 2): unrecognized subcommand 'inspcet'");
}

#[test]
fn an_error_says_what_where_why_and_what_to_do() {
    let wrong = run(&["inspect", "debian:!"]);
    assert_eq!(wrong.code, 2);
    let lines: Vec<&str> = wrong.stderr.lines().collect();
    assert_eq!(lines[0], "error: `debian:!` does not name an image");
    assert!(lines[1].starts_with("  cause: "), "{}", wrong.stderr);
    assert_eq!(lines[lines.len() - 2], "  help: plimsoll inspect --help");
    assert_eq!(
        lines[lines.len() - 1],
        "plimsoll: wrong usage (exit code 2): `debian:!` does not name an image"
    );
}

#[test]
fn what_is_not_there_could_not_be_evaluated() {
    let missing = run(&["inspect", "oci:nowhere"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (3, ""));
    assert!(
        missing.last_line().starts_with("plimsoll: could not evaluate (exit code 3): "),
        "{}",
        missing.stderr
    );
}

#[test]
fn an_unreachable_registry_could_not_be_evaluated() {
    // A port that was free a moment ago; nobody answers there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = run(&["inspect", &format!("127.0.0.1:{port}/a:1")]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
}

#[test]
fn for_programs_an_error_is_one_json_line() {
    for arguments in [&["--log-format", "json", "inspect", "debian:!"][..], &["--log-format=json", "--wrong"]]
    {
        let wrong = run(arguments);
        assert_eq!(wrong.code, 2);
        let line: serde_json::Value = serde_json::from_str(wrong.last_line()).unwrap();
        assert_eq!((&line["verdict"], &line["exit_code"]), (&"wrong usage".into(), &2.into()));
        assert_eq!(wrong.stderr.lines().count(), 1, "{}", wrong.stderr);
    }
}

#[test]
fn a_wrong_log_filter_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let wrong = run_in(directory.path(), &[("PLIMSOLL_LOG", "a=b=c")], &["version"]);
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
}

#[test]
fn a_command_that_waits_can_be_interrupted() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let image = format!("{}/a:1", silent.local_addr().unwrap());
    let nowhere = tempfile::tempdir().unwrap();
    let waiting = start(nowhere.path(), &[], &["inspect", &image]);
    let _connection = silent.accept().unwrap();
    let process = rustix::process::Pid::from_child(&waiting);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    let interrupted = finish(waiting);
    assert_eq!(interrupted.code, 130, "{}", interrupted.stderr);
    assert_eq!(interrupted.last_line(), "plimsoll: interrupted (exit code 130): interrupted");
}
