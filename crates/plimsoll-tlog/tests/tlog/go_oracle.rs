//! The same tree by `golang.org/x/mod/sumdb`, the code behind Go's checksum database. `scripts/need-peers` builds the
//! program from `tests/go-oracle`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use plimsoll_peers::find_peer;
use plimsoll_tlog::{Checkpoint, Hash, LogSigner, ProofPlan};

use crate::naive::{MemoryLog, leaves};

struct Oracle {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    fn start() -> Option<Self> {
        let mut command = find_peer("tlog-oracle")?.command();
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (questions, answers) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Some(Self { process, questions, answers: BufReader::new(answers) })
    }

    fn ask(&mut self, question: &str) -> String {
        writeln!(self.questions, "{question}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert!(!answer.starts_with("error"), "{question}: {answer}");
        answer.trim_end().to_owned()
    }

    fn hashes(&mut self, question: &str) -> Vec<Hash> {
        self.ask(question).split_whitespace().map(|hash| hash.parse().unwrap()).collect()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn roots_proofs_and_tiles_are_those_of_gos_checksum_database() {
    let Some(mut oracle) = Oracle::start() else { return };
    const SIZE: u64 = 70_000;
    let leaves = leaves(SIZE);
    let mut log = MemoryLog::default();
    let mut before = 0;
    for size in [1, 2, 255, 256, 257, 1000, 65_535, 65_536, 65_537, SIZE] {
        let root = log.append(&leaves[before..usize::try_from(size).unwrap()]);
        assert_eq!(oracle.hashes(&format!("root {size}")), [root]);
        for index in [0, size / 3, size - 1] {
            let plan = ProofPlan::inclusion(index, size).unwrap();
            let proof = plan.prove(&log.fetch(plan.tiles())).unwrap();
            assert_eq!(
                oracle.hashes(&format!("inclusion {index} {size}")),
                proof.hashes,
                "{index} in {size}"
            );
        }
        for old in [1, size / 2, size - 1, size].into_iter().filter(|old| *old > 0) {
            let plan = ProofPlan::consistency(old, size).unwrap();
            let proof = plan.prove(&log.fetch(plan.tiles())).unwrap();
            assert_eq!(oracle.hashes(&format!("consistency {old} {size}")), proof.hashes, "{old} in {size}");
        }
        before = usize::try_from(size).unwrap();
    }
    for ((level, index), hashes) in
        log.tiles.iter().filter(|((level, index), _)| *level > 0 || index % 50 < 2)
    {
        let written = Hash::write_all(hashes);
        let answer = oracle.ask(&format!("tile {level} {index} {} {SIZE}", hashes.len()));
        assert_eq!(answer, base64_of(&written), "tile {level}/{index}");
    }
}

#[test]
fn signed_checkpoints_are_opened_by_gos_checksum_database() {
    let Some(mut oracle) = Oracle::start() else { return };
    let signer = LogSigner::from_seeds("registry.example/log", &[1; 32], &[2; 32]).unwrap();
    let (origin, root) = (signer.origin().to_owned(), Hash::of_empty_tree());
    let checkpoint = Checkpoint { origin, size: 0, root, extensions: Vec::new() };
    let note = signer.sign(&checkpoint, 1_790_000_000).to_string();
    let opened = oracle.ask(&format!("open {} {}", signer.verifier().log, base64_of(note.as_bytes())));
    assert_eq!(opened, base64_of(checkpoint.to_string().as_bytes()));
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
