//! What the rules find, and what their fixes make of it.

use plimsoll_dockerfile::lint::{
    Context, Finding, Fix, LintOptions, Profile, RULES, Safety, apply, lint, patch,
};
use plimsoll_dockerfile::parse;

use crate::fixtures::fixtures;

/// The rules that find something, each with the line.
fn found(text: &str) -> Vec<(&'static str, usize)> {
    let document = parse(text);
    let findings = lint(&document, LintOptions::default()).findings;
    findings.iter().map(|f| (f.rule, document.position(f.span.start).line)).collect()
}

fn one(text: &str, rule: &str) -> Finding {
    let findings = lint(&parse(text), LintOptions::default()).findings;
    findings.into_iter().find(|finding| finding.rule == rule).unwrap_or_else(|| panic!("no {rule} in {text}"))
}

fn clean(text: &str, rule: &str) {
    assert!(!found(text).iter().any(|(name, _)| *name == rule), "{rule} in {text}");
}

const PINNED: &str = "debian:12@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn every_rule_has_a_page_and_a_name_of_its_own() {
    for rule in RULES {
        let manual = rule.manual();
        assert!(rule.summary().ends_with('.') && manual.lines().count() > 2, "{}: {manual}", rule.name);
    }
    assert!(RULES.windows(2).all(|pair| pair[0].name < pair[1].name));
}

#[test]
fn only_what_ships_is_judged_by_its_size() {
    let build = "RUN apt-get update && apt-get install -y gcc && gcc -o /app app.c\n";
    let staged = format!(
        "FROM {PINNED} AS build\n{build}FROM scratch\nCOPY --from=build /app /app\nUSER 1\nENTRYPOINT [\"/app\"]\n"
    );
    assert_eq!(found(&staged), []);
    let whole = format!("FROM {PINNED}\n{build}USER 1\nENTRYPOINT [\"/app\"]\n");
    assert_eq!(
        found(&whole),
        [
            ("kept-package-lists", 2),
            ("recommended-packages", 2),
            ("build-tools-in-image", 2),
            ("compiling-where-it-ships", 2),
        ]
    );
}

#[test]
fn numbers_come_with_their_model() {
    let finding =
        one(&format!("FROM {PINNED}\nRUN apt-get install -y build-essential git\n"), "build-tools-in-image");
    let estimate = finding.estimate.unwrap();
    assert_eq!((estimate.bytes, estimate.packages), (266_660 * 1024, 50));
    assert!(estimate.model.contains("Debian 12"));
    let alpine = one("FROM alpine:3.22\nRUN apk add build-base\n", "build-tools-in-image");
    assert_eq!(alpine.estimate, None);
}

#[test]
fn tools_that_the_same_layer_takes_away_are_none() {
    clean(
        "FROM alpine:3\nRUN apk add --no-cache --virtual .deps gcc && make && apk del .deps\n",
        "build-tools-in-image",
    );
    clean(
        "FROM a:1\nRUN d='gcc make'; apt-get install -y $d && make && apt-get purge -y $d\n",
        "build-tools-in-image",
    );
}

#[test]
fn what_a_later_layer_removes_is_still_there() {
    let text = "FROM a:1\nRUN curl -o /tmp/x.tgz https://h/x\nCOPY key /root/key\nRUN rm -rf /tmp/x.tgz /root/key /other\n";
    let lines: Vec<_> =
        found(text).into_iter().filter(|(rule, _)| *rule == "removal-in-later-layer").collect();
    assert_eq!(lines.len(), 2);
    clean("FROM a:1\nRUN curl -o /tmp/x https://h/x && rm /tmp/x\n", "removal-in-later-layer");
    clean("FROM a:1\nRUN mkdir -p /var/www/html\nRUN rm -rf /var/www/html/*\n", "removal-in-later-layer");
}

#[test]
fn sources_before_dependencies_cost_time() {
    let text = "FROM node:24-slim\nWORKDIR /app\nCOPY --chown=1 . .\nRUN npm ci\nCMD [\"node\", \".\"]\n";
    let finding = one(text, "copy-before-install");
    let (fixed, _) = apply(text.as_bytes(), finding.fix.as_ref());
    let fixed = String::from_utf8(fixed).unwrap();
    assert!(
        fixed.contains("COPY --chown=1 package.json package-lock.json* ./\nRUN npm ci\nCOPY --chown=1 . .\n"),
        "{fixed}"
    );
    clean(&fixed, "copy-before-install");
    clean("FROM node:24-slim\nCOPY . .\nRUN npm run build\n", "copy-before-install");
}

#[test]
fn secrets_are_told_by_value_and_use_and_not_by_name() {
    one("FROM a:1\nENV X=ghp_abcdefghijklmnopqrstuvwxyz0123456789\n", "secret-value");
    one(
        "FROM a:1\nARG NPM_TOKEN\nRUN npm config set //r/:_authToken $NPM_TOKEN\n",
        "secret-in-build-argument",
    );
    one("FROM a:1\nCOPY .npmrc /root/\n", "secret-file-in-image");
    for harmless in [
        "ARG NPM_TOKEN\nRUN npm ci\n",
        "ENV TOKEN_FILE=/run/x\nRUN cat $TOKEN_FILE\n",
        "ENV GPG_KEY=ABC\nRUN gpg $GPG_KEY\n",
    ] {
        for rule in ["secret-value", "secret-in-build-argument"] {
            clean(&format!("FROM a:1\n{harmless}"), rule);
        }
    }
    clean(
        "FROM a:1 AS b\nARG T_TOKEN\nRUN x $T_TOKEN\nFROM scratch\nCOPY --from=b /x /\n",
        "secret-in-build-argument",
    );
}

#[test]
fn who_runs_the_image_is_asked_of_what_ships() {
    one("FROM a:1\nUSER root\n", "root-user");
    one("FROM a:1 AS b\nUSER 1\nFROM scratch\n", "root-user");
    clean("FROM a:1 AS b\nUSER 1\nFROM b\nRUN x\n", "root-user");
    clean("FROM gcr.io/distroless/static:nonroot\n", "root-user");
    clean("FROM mcr.microsoft.com/windows/nanoserver:ltsc2025\n", "root-user");
}

#[test]
fn a_shell_before_the_program_is_told() {
    let finding = one("FROM a:1\nENTRYPOINT app --port 80 'x y'\n", "shell-form-entrypoint");
    assert_eq!(finding.help.as_deref(), Some("write [\"app\", \"--port\", \"80\", \"x y\"]"));
    assert_eq!(one("FROM a:1\nCMD app $X\n", "shell-form-entrypoint").fix, None);
    clean("FROM a:1\nENTRYPOINT exec app $X\n", "shell-form-entrypoint");
    assert!(one("FROM a:1\nCMD ['app']\n", "shell-form-entrypoint").message.contains("is no JSON"));
}

#[test]
fn bases_are_named_so_that_they_stay() {
    one("FROM debian\n", "floating-base");
    one("FROM debian:latest\n", "floating-base");
    one("FROM debian:12\n", "undigested-base");
    one("FROM golang:1.26\n", "fat-base");
    clean("FROM golang:1.26 AS b\nFROM scratch\nCOPY --from=b /x /\n", "fat-base");
    clean(&format!("FROM {PINNED}\n"), "undigested-base");
    clean("ARG X\nFROM $X\n", "floating-base");
}

#[test]
fn a_large_context_is_told_with_its_numbers() {
    let largest = vec![(".git".to_owned(), 200_000_000), ("src".to_owned(), 10_000)];
    let context = Context { ignore: None, files: 7, bytes: 200_010_000, largest };
    let options = LintOptions { context: Some(&context), ..LintOptions::default() };
    let findings = lint(&parse("FROM a:1\nCOPY . .\n"), options).findings;
    let finding = findings.iter().find(|finding| finding.rule == "large-context").unwrap();
    assert!(
        finding.message.starts_with("200.0 MB in 7 files are sent to the build, measured: `.git` 200.0 MB")
    );
    let of_a_part = lint(&parse("FROM a:1\nCOPY src /src\n"), options).findings;
    assert!(of_a_part.iter().all(|finding| finding.rule != "large-context"), "only `src` is sent");
}

#[test]
fn three_dialects_allow_a_finding() {
    for comment in ["# plimsoll: allow(root-user) it needs port 80", "# hadolint ignore=DL3002"] {
        clean(&format!("FROM a:1\n{comment}\nUSER root\n"), "root-user");
    }
    one("FROM a:1\n# plimsoll: allow(root-user)\nUSER root\n", "hollow-allow");
    one("FROM a:1\n# plimsoll: allow(no-such) x\nUSER 1\n", "hollow-allow");
    one("FROM a:1\n# plimsoll: allow(root-user) x\nRUN y\nUSER root\n", "root-user");
}

fn safe(findings: &[Finding]) -> Vec<&Fix> {
    findings.iter().filter_map(|f| f.fix.as_ref()).filter(|fix| fix.safety == Safety::Safe).collect()
}

#[test]
fn fixes_are_clean_when_judged_again_and_change_nothing_then() {
    let own = "FROM debian:12\nRUN apt-get update && \\\n    apt-get install -y curl\nRUN pip install -r r.txt; apk add x\n";
    let texts = fixtures().into_iter().map(|(_, source)| source).chain([own.as_bytes().to_vec()]);
    let mut made = 0;
    for source in texts {
        for profile in [Profile::Plimsoll, Profile::Buildkit] {
            let options = LintOptions { profile, ..LintOptions::default() };
            let mut source = source.clone();
            for round in 0.. {
                assert!(round < 8, "{}", String::from_utf8_lossy(&source));
                let findings = lint(&parse(source.clone()), options).findings;
                let (fixed, count) = apply(&source, safe(&findings));
                if count == 0 {
                    assert_eq!(fixed, source);
                    break;
                }
                made += count;
                assert!(lint(&parse(fixed.clone()), options).findings.len() < findings.len());
                source = fixed;
            }
        }
    }
    assert!(made >= 3, "{made}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the patch is for git, so git takes it")]
fn git_takes_the_patches() {
    let directory = tempfile::tempdir().unwrap();
    for (name, source) in fixtures() {
        let findings = lint(&parse(source.clone()), LintOptions::default()).findings;
        let fixes: Vec<&Fix> = findings.iter().filter_map(|finding| finding.fix.as_ref()).collect();
        let patch = patch("Dockerfile", &source, fixes.iter().copied());
        let file = directory.path().join("Dockerfile");
        std::fs::write(&file, &source).unwrap();
        std::fs::write(directory.path().join("patch"), &patch).unwrap();
        if !patch.is_empty() {
            let git = std::process::Command::new("git")
                .args(["apply", "patch"])
                .current_dir(&directory)
                .output()
                .unwrap();
            assert!(git.status.success(), "{name}: {git:?} {}", String::from_utf8_lossy(&patch));
        }
        assert_eq!(std::fs::read(&file).unwrap(), apply(&source, fixes).0, "{name}");
    }
}
