use plimsoll_tlog::{
    Checkpoint, EntryError, HashedRekord, KeyDetails, LogProof, LogProofError, LogSigner, OpenError,
    ProofError, ProofPlan, RekordKey, TransparencyLogEntry,
};

use crate::naive::{MemoryLog, entry, leaves};

const ORIGIN: &str = "registry.example/log";
const LOGGED_AT: u64 = 1_790_000_000;

fn signer() -> LogSigner {
    LogSigner::from_seeds(ORIGIN, &[1; 32], &[2; 32]).unwrap()
}

fn record() -> HashedRekord {
    let key = RekordKey::PublicKey(vec![4; 91]);
    HashedRekord::new(vec![7; 32], vec![9; 70], key, KeyDetails::EcdsaP256Sha256).unwrap()
}

/// A log of 699 other leaves and the record, and its signed checkpoint.
fn log() -> (MemoryLog, String) {
    let mut log = MemoryLog::default();
    log.append(&leaves(600));
    log.append(&[record().leaf_hash()]);
    let root = log.append(&leaves(99));
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size: 700, root, extensions: Vec::new() };
    let note = signer().sign(&checkpoint, LOGGED_AT).to_string();
    (log, note)
}

fn proved() -> TransparencyLogEntry {
    let (log, note) = log();
    let plan = ProofPlan::inclusion(600, 700).unwrap();
    let proof = plan.prove(&log.fetch(plan.tiles())).unwrap();
    TransparencyLogEntry::new(signer().verifier().log.id(), &record(), proof, note)
}

#[test]
fn an_entry_is_verified_as_it_was_sent() {
    let json = proved().to_json();
    let read = TransparencyLogEntry::parse(&json).unwrap();
    assert_eq!(read, proved());
    let (found, opened) = read.verify(&signer().verifier()).unwrap();
    assert_eq!((found, opened.logged_at_unix_s), (record(), Some(LOGGED_AT)));
}

#[test]
fn the_first_entry_has_no_zeros_in_its_json() {
    let mut log = MemoryLog::default();
    let root = log.append(&[record().leaf_hash()]);
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size: 1, root, extensions: Vec::new() };
    let note = signer().sign(&checkpoint, LOGGED_AT).to_string();
    let proof = ProofPlan::inclusion(0, 1).unwrap().prove(&log.fetch([])).unwrap();
    let entry = TransparencyLogEntry::new(signer().verifier().log.id(), &record(), proof, note);
    let json = String::from_utf8(entry.to_json()).unwrap();
    assert!(!json.contains("logIndex") && !json.contains("hashes"), "{json}");
    assert!(
        json.contains(r#""treeSize":"1""#)
            && json.contains(r#""kindVersion":{"kind":"hashedrekord","version":"0.0.2"}"#),
        "{json}"
    );
    let read = TransparencyLogEntry::parse(json.as_bytes()).unwrap();
    read.verify(&signer().verifier()).unwrap();
}

#[test]
fn numbers_and_names_are_read_as_proto3_may_write_them() {
    let json = String::from_utf8(proved().to_json()).unwrap();
    let other = json.replace("\"logIndex\":\"600\"", "\"log_index\":600").replace("logId", "log_id");
    assert_eq!(TransparencyLogEntry::parse(other.as_bytes()).unwrap(), proved());
}

#[test]
fn an_entry_of_another_log_or_place_is_refused_with_the_reason() {
    let verifier = signer().verifier();
    let another = LogSigner::from_seeds(ORIGIN, &[3; 32], &[2; 32]).unwrap().verifier();
    assert!(matches!(proved().verify(&another), Err(EntryError::Log { .. })));
    let mut under_another_id = proved();
    under_another_id.log_id = another.log.id();
    assert!(matches!(
        under_another_id.verify(&another),
        Err(EntryError::Checkpoint(OpenError::NotSigned(_)))
    ));
    let mut elsewhere = proved();
    elsewhere.proof.index = 601;
    assert!(matches!(elsewhere.verify(&verifier), Err(EntryError::Proof(ProofError::Mismatch(_)))));
    let mut changed = proved();
    changed.body[100] ^= 1;
    assert!(matches!(changed.verify(&verifier), Err(EntryError::Proof(ProofError::Mismatch(_)))));
    // The size that the log says beside its checkpoint is not believed.
    let mut says_otherwise = proved();
    says_otherwise.proof.size = 7;
    says_otherwise.verify(&verifier).unwrap();
}

#[test]
fn every_changed_byte_of_an_entry_is_noticed() {
    let json = proved().to_json();
    let (expected, verifier) = (proved(), signer().verifier());
    for at in 0..json.len() {
        let mut changed = json.clone();
        changed[at] ^= 1;
        if let Ok(read) = TransparencyLogEntry::parse(&changed)
            && let Ok((found, opened)) = read.verify(&verifier)
        {
            // What is repeated beside the checkpoint may differ; what is proved may not.
            assert_eq!(found, record(), "byte {at}");
            assert_eq!(opened.checkpoint.size, 700, "byte {at}");
            assert_eq!(read.proof.hashes, expected.proof.hashes, "byte {at}");
        }
    }
}

#[test]
fn a_damaged_entry_is_refused_with_the_field() {
    let json = String::from_utf8(proved().to_json()).unwrap();
    let refused = |json: String| TransparencyLogEntry::parse(json.as_bytes()).unwrap_err().to_string();
    assert!(refused("{}".into()).contains("logId"));
    assert!(
        refused(json.replacen("\"600\"", "\"601\"", 1))
            .contains("number 601, but its proof is of number 600")
    );
    assert!(
        refused(json.replace("\"treeSize\":\"700\"", "\"treeSize\":\"-1\""))
            .contains("`inclusionProof.treeSize`")
    );
    assert!(refused(json.replace("\"keyId\":\"", "\"keyId\":\"AAAA")).contains("`logId.keyId`"));
    assert!(refused(format!("{json}{}", " ".repeat(300_000))).contains("more than"));
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep = json.replace("\"hashedrekord\"", &deep);
    assert!(refused(deep).contains("cannot be read"));
}

#[test]
fn a_proof_in_a_text_file_is_verified_without_the_log() {
    let (log, checkpoint) = log();
    let plan = ProofPlan::inclusion(650, 700).unwrap();
    let hashes = plan.prove(&log.fetch(plan.tiles())).unwrap().hashes;
    for extra in [None, Some(b"more".to_vec())] {
        let proof = LogProof { extra, index: 650, hashes: hashes.clone(), checkpoint: checkpoint.clone() };
        let read: LogProof = proof.to_string().parse().unwrap();
        assert_eq!(read, proof);
        // Leaf 650 is the fiftieth of the last batch.
        let opened = read.verify(&entry(49), &signer().verifier()).unwrap();
        assert_eq!(opened.checkpoint.size, 700);
        assert!(matches!(read.verify(&entry(50), &signer().verifier()), Err(LogProofError::Proof(_))));
    }
}

#[test]
fn a_text_that_is_no_proof_is_refused_with_the_line() {
    let refused = |text: &str| text.parse::<LogProof>().unwrap_err().to_string();
    assert!(refused("").contains("no checkpoint"));
    assert!(refused("x\n\n").contains("does not begin with"));
    let head = "c2sp.org/tlog-proof@v1\n";
    assert!(refused(&format!("{head}\nx\n")).contains("`index` and a number"));
    assert!(refused(&format!("{head}extra *\nindex 1\n\nx")).contains("line 2"));
    assert!(refused(&format!("{head}index 01\n\nx")).contains("line 2"));
    assert!(refused(&format!("{head}index 1\nAA==\n\nx")).contains("line 3"));
    let many = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n".repeat(65);
    assert!(refused(&format!("{head}index 1\n{many}\nx")).contains("line 67"));
}
