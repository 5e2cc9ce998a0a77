//! The change that builds in a stage of its own.

use plimsoll_dockerfile::lint::{Fix, LintOptions, apply, lint};
use plimsoll_dockerfile::parse;

const NAIVE: &str = "\
FROM debian:bookworm@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
RUN apt-get update
RUN apt-get install -y gcc libc6-dev
COPY hello.c /src/hello.c
RUN gcc -O2 -o /usr/local/bin/hello /src/hello.c
CMD [\"/usr/local/bin/hello\"]
";

fn proposal(text: &str) -> Option<Fix> {
    let findings = lint(&parse(text), LintOptions::default()).findings;
    let titled = |fix: &Fix| fix.title == "build in a stage of its own, and copy the result";
    findings.into_iter().filter_map(|finding| finding.fix).find(titled)
}

/// The last stage of what is proposed.
fn last_stage(text: &str) -> String {
    let fix = proposal(text).unwrap_or_else(|| panic!("nothing is proposed for {text}"));
    let (fixed, made) = apply(text.as_bytes(), [&fix]);
    assert_eq!(made, 1);
    let fixed = String::from_utf8(fixed).unwrap();
    assert!(fixed.starts_with(text.lines().next().unwrap()), "{fixed}");
    fixed[fixed.rfind("\nFROM ").unwrap() + 1..].to_owned()
}

#[test]
fn what_was_built_is_copied_into_a_stage_on_the_same_base() {
    let (fixed, _) = apply(NAIVE.as_bytes(), [&proposal(NAIVE).unwrap()]);
    let base = NAIVE.lines().next().unwrap();
    let expected = format!(
        "\
{base} AS build
RUN apt-get update
RUN apt-get install -y gcc libc6-dev
COPY hello.c /src/hello.c
RUN gcc -O2 -o /usr/local/bin/hello /src/hello.c

{base}
COPY --from=build /usr/local/bin/hello /usr/local/bin/hello
USER 65532:65532
CMD [\"/usr/local/bin/hello\"]
"
    );
    assert_eq!(String::from_utf8(fixed.clone()).unwrap(), expected);
    let left: Vec<&str> =
        lint(&parse(fixed), LintOptions::default()).findings.iter().map(|found| found.rule).collect();
    assert_eq!(left, [] as [&str; 0]);
}

#[test]
fn each_way_to_build_has_its_results() {
    for (build, copied) in [
        ("WORKDIR /src\nCOPY . .\nRUN gcc -o app main.c\nENTRYPOINT [\"/src/app\"]", "/src/app /src/app"),
        (
            "WORKDIR /src\nCOPY . .\nRUN go build -o /bin/app .\nENTRYPOINT [\"/bin/app\"]",
            "/bin/app /bin/app",
        ),
        ("WORKDIR /src\nCOPY . .\nRUN go install ./...\nENTRYPOINT [\"server\"]", "/go/bin/ /go/bin/"),
        (
            "WORKDIR /src\nCOPY . .\nRUN cargo build --release\nCMD [\"./target/release/app\"]",
            "/src/target/release/app /src/target/release/app",
        ),
        (
            "WORKDIR /src\nCOPY . .\nRUN cargo install --path . --root /out\nCMD [\"app\"]",
            "/out/bin/ /out/bin/",
        ),
        (
            "COPY . /src\nRUN apt-get install -y make gcc && cd /src && ./configure && make && make install\nCMD [\"app\"]",
            "/usr/local/ /usr/local/",
        ),
        (
            "COPY r.txt /src/\nRUN apt-get install -y gcc && python3 -m venv /opt/venv && pip install -r /src/r.txt\nCMD [\"/opt/venv/bin/app\"]",
            "/opt/venv/ /opt/venv/",
        ),
        (
            "COPY . /s\nRUN gcc -o /tmp/a /s/a.c && cp /tmp/a /usr/bin/a\nCMD [\"/usr/bin/a\"]",
            "/usr/bin/a /usr/bin/a",
        ),
    ] {
        let last = last_stage(&format!("FROM debian:12\n{build}\n"));
        assert!(last.contains(&format!("COPY --from=build {copied}\n")), "{build}: {last}");
        assert_eq!(last.matches("COPY").count(), 1, "{last}");
    }
}

#[test]
fn settings_users_and_files_for_running_go_along() {
    let last = last_stage(
        "FROM debian:12 AS make\nENV MODE=1\nRUN apt-get install -y gcc libpq-dev ca-certificates libfoo-dev\n\
         RUN useradd -r app\nCOPY etc/ /etc/app/\nCOPY a.c /s/\nRUN gcc -o /bin/app /s/a.c\n# who\nUSER app\n\
         ENTRYPOINT [\"/bin/app\"]\n",
    );
    for line in [
        "FROM debian:12\n",
        "# Name the libraries of libfoo-dev here, if the program needs them.\n",
        "--no-install-recommends ca-certificates libpq5 && rm -rf",
        "ENV MODE=1\n",
        "RUN useradd -r app\n",
        "COPY etc/ /etc/app/\n",
        "COPY --from=make /bin/app /bin/app\n",
        "# who\nUSER app\n",
    ] {
        assert!(last.contains(line), "{line} in {last}");
    }
    assert!(!last.contains("/s/") && !last.contains("65532"), "{last}");
}

#[test]
fn what_is_not_understood_in_full_is_left_alone() {
    for build in [
        "RUN gcc -o /bin/app a.c && ./app --initialise /var/lib/app\nCMD [\"/bin/app\"]",
        "RUN gcc -o $OUT a.c\nCMD [\"/bin/app\"]",
        "RUN gcc -c a.c\nCMD [\"/bin/app\"]",
        "SHELL [\"/bin/bash\", \"-c\"]\nRUN gcc -o /bin/app a.c\nCMD [\"/bin/app\"]",
        "RUN gcc -o /bin/app a.c\nCMD [\"/usr/sbin/nginx\"]",
        "ARG A\nRUN gcc -o /bin/app a.c\nCMD [\"/bin/app\"]",
        "RUN gcc -o /bin/app a.c; echo 'open\nCMD [\"/bin/app\"]",
    ] {
        let text = format!("FROM debian:12\n{build}\n");
        assert_eq!(proposal(&text), None, "{text}");
    }
    let staged = "FROM debian:12 AS a\nRUN true\nFROM a\nRUN gcc -o /bin/app a.c\nCMD [\"/bin/app\"]\n";
    assert_eq!(proposal(staged), None);
}

proptest::proptest! {
    #[test]
    fn whatever_is_proposed_is_a_dockerfile_that_compiles_in_no_shipping_stage(
        lines in proptest::collection::vec(proptest::sample::select(vec![
            "RUN apt-get update", "RUN apt-get install -y gcc make curl", "COPY . /src", "WORKDIR /src", "ENV A=b",
            "RUN make install", "RUN gcc -o /bin/app /src/a.c", "USER 7", "CMD [\"/bin/app\"]", "# a comment",
            "ENTRYPOINT [\"app\"]", "RUN useradd x", "EXPOSE 80", "RUN gcc \\\n  -o app \\\n  a.c", "CMD ./app",
        ]), 1..12)
    ) {
        let text = format!("FROM debian:12\n{}\n", lines.join("\n"));
        if let Some(fix) = proposal(&text) {
            let (fixed, _) = apply(text.as_bytes(), [&fix]);
            let document = parse(fixed.clone());
            proptest::prop_assert!(document.errors().is_empty());
            let left = lint(&document, LintOptions::default()).findings;
            let text = String::from_utf8_lossy(&fixed).into_owned();
            proptest::prop_assert!(!left.iter().any(|found| found.rule == "compiling-where-it-ships"), "{}", text);
            proptest::prop_assert!(!left.iter().any(|found| found.rule == "build-tools-in-image"), "{}", text);
            proptest::prop_assert_eq!(proposal(&text), None);
        }
    }
}
