//! The parent's side, with programs that are no analysers. The real child is tested where the program is.

use futures_util::stream;
use tempfile::TempDir;

use super::*;

/// An analyser whose child is a line of shell.
fn shell(spool: &TempDir, line: &str) -> Analyser {
    Analyser::new(AnalyserConfig {
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), line.to_owned()],
        spool: spool.path().to_owned(),
        children_max: 1,
        time_max: Duration::from_secs(20),
    })
}

async fn outcome(line: &str) -> Result<LayerRecord<File>, AnalysisError> {
    let spool = tempfile::tempdir().unwrap();
    let layer = stream::iter((0..64).map(|_| Ok(Bytes::from_static(&[7; 64 << 10]))));
    let outcome = shell(&spool, line).analyse(layer).await;
    assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0, "nothing stays in the spool");
    outcome
}

#[tokio::test]
async fn what_is_no_record_is_not_taken_for_one() {
    assert!(matches!(outcome("cat").await, Err(AnalysisError::Record(_))));
    assert!(matches!(outcome("cat >&2; exit 0").await, Err(AnalysisError::Record(_))));
}

#[tokio::test]
async fn only_the_code_for_it_blames_the_layer() {
    let refused = outcome("cat >/dev/null; echo damaged >&2; exit 3").await.err().unwrap();
    assert!(refused.is_of_layer());
    for line in ["exit 4", "exit 101", "kill -9 $$", "cat; exit 2"] {
        let failed = outcome(line).await.err().unwrap();
        assert!(matches!(failed, AnalysisError::Failed(_)) && !failed.is_of_layer(), "{line}: {failed:?}");
    }
}

#[tokio::test]
async fn a_child_that_refuses_early_need_not_read_to_the_end() {
    let refused = outcome("echo 'not a layer' >&2; exit 3").await.err().unwrap();
    assert_eq!(refused.to_string(), "not a layer");
}

#[tokio::test]
async fn a_long_complaint_is_cut_off() {
    let refused = outcome("cat >&2; exit 3").await.err().unwrap().to_string();
    assert!(refused.len() as u64 <= COMPLAINT_BYTES_MAX, "{} bytes", refused.len());
}

#[tokio::test]
async fn a_child_knows_nothing_of_the_environment() {
    let told =
        outcome("/usr/bin/env | grep -v -e '^PWD=' -e '^_=' -e '^SHLVL=' >&2; exit 3").await.err().unwrap();
    assert_eq!(told.to_string(), "");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_not_the_layers_fault() {
    let spool = tempfile::tempdir().unwrap();
    let mut config = (*shell(&spool, "").config).clone();
    config.program = "/nonexistent/analyser".into();
    let error = Analyser::new(config).analyse(stream::empty()).await.err().unwrap();
    assert!(matches!(error, AnalysisError::Run(_)) && !error.is_of_layer(), "{error:?}");
}
