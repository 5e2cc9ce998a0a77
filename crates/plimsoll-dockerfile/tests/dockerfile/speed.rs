use std::hint::black_box;
use std::time::Instant;

use plimsoll_dockerfile::lint::{LintOptions, lint};
use plimsoll_dockerfile::parse;

use crate::fixtures::{fixtures, of_others};

/// In a release build it is 50 MB/s and more; the bound is for any build, on any machine.
#[test]
fn megabytes_are_read_in_no_time() {
    let files = Some(of_others()).filter(|files| !files.is_empty()).unwrap_or_else(fixtures);
    let sound = files.into_iter().filter(|(_, source)| parse(source.clone()).errors().is_empty());
    let whole: Vec<u8> = sound.flat_map(|(_, source)| [source, b"\n".to_vec()].concat()).collect();
    let source = whole.repeat(2_000_000 / whole.len().max(1) + 1);
    let round = || {
        let source = source.clone();
        let started = Instant::now();
        let document = black_box(parse(black_box(source)));
        let seconds = started.elapsed().as_secs_f64();
        drop(document);
        seconds
    };
    // The shortest of several: other work on the machine only ever adds.
    let seconds = (0..10).map(|_| round()).fold(f64::MAX, f64::min);
    let per_second = source.len() as f64 / seconds / 1e6;
    println!("{per_second:.1} MB/s over {} bytes", source.len());
    assert!(per_second > 0.1, "{per_second}");
}

#[test]
fn hundreds_of_files_are_judged_in_no_time() {
    let mut files = of_others();
    if files.is_empty() {
        files = fixtures();
    }
    let bytes: usize = files.iter().map(|(_, source)| source.len()).sum();
    let started = Instant::now();
    let findings: usize = files
        .iter()
        .map(|(_, source)| lint(&parse(source.clone()), LintOptions::default()).findings.len())
        .sum();
    let seconds = started.elapsed().as_secs_f64();
    println!("{} files, {bytes} bytes, {findings} findings: {seconds:.3} s", files.len());
    assert!(seconds < 120.0, "{seconds}");
}

/// What would take a careless reader the square of the length.
#[test]
fn hostile_texts_are_read_in_no_time() {
    let started = Instant::now();
    for (text, count) in [
        ("RUN <<A\n", 20_000),
        ("\\\n", 500_000),
        ("RUN x \\\n# c\n", 100_000),
        ("ENV ${a:-", 50_000),
        ("\"", 500_000),
        ("<<A ", 100_000),
        ("ONBUILD ", 100_000),
        ("CMD [", 100_000),
        ("RUN --x", 200_000),
        ("--mount=x ", 100_000),
        ("case x in ", 50_000),
        ("a;", 200_000),
        ("a\nRUN curl x | sh\nRUN rm -rf /x /y /z", 20_000),
        ("a\nRUN apt-get update && apt-get install gcc", 20_000),
        ("a\n# plimsoll: allow(x) y\nARG A_TOKEN", 20_000),
        ("a\nFROM a AS b\nCOPY --from=b / /", 5_000),
        ("a\nENV A=$A$A$A", 20_000),
    ] {
        let document = parse(format!("FROM a\nRUN {}\nRUN x\n", text.repeat(count)));
        black_box(lint(&document, LintOptions::default()));
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{seconds:.2} s");
    assert!(seconds < 60.0, "{seconds}");
}
