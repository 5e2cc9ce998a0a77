use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::data_dir::DataDir;
use crate::{Outcome, finish, run, start};

/// How long a server may take to start.
const START_MAX: Duration = Duration::from_secs(20);

#[test]
fn a_server_tells_of_changes_and_that_it_stops() {
    let here = DataDir::none();
    let server = here.serve();
    assert_eq!(server.send("POST", "/v2/team/app/blobs/uploads/", "", b"").status, 202);
    server.wait_for_log("request answered");
    server.wait_for_log("http.path=\"/v2/team/app/blobs/uploads/\"");
    server.ask_to_stop();
    let log = server.log_to_end();
    assert_eq!(log.matches("stopping").count(), 1, "{log}");
}

#[test]
fn for_programs_the_hints_are_left_out() {
    let here = DataDir::none();
    let stopped = serve_at_free_port(&here, &["--log-format", "json"]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    let lines: Vec<serde_json::Value> =
        stopped.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages: Vec<&str> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert!(messages[0].starts_with("listening on http://127.0.0.1:"), "{messages:?}");
    assert!(messages[1].starts_with("there are no users yet"), "{messages:?}");
    assert!(messages[2..].iter().all(|message| !message.contains("plimsoll")), "{messages:?}");
}

/// Runs a server until it answers, and presses Ctrl-C.
fn serve_at_free_port(here: &DataDir, more: &[&str]) -> Outcome {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (data, listen) = (here.path("data").display().to_string(), address.to_string());
    let server = start(
        here.path("").as_path(),
        &[],
        &[&["serve", "--data-dir", &data, "--listen", &listen], more].concat(),
    );
    let started = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        assert!(started.elapsed() < START_MAX, "the server does not listen");
        std::thread::sleep(Duration::from_millis(10));
    }
    let process = rustix::process::Pid::from_child(&server);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    finish(server)
}

#[test]
fn an_address_that_is_taken_is_helped_with() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let refused = run(&["serve", "--data-dir", "data", "--listen", &address.to_string()]);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(
        refused.stderr.contains(&format!("ss -ltnp 'sport = :{}'", address.port())),
        "{}",
        refused.stderr
    );
}
