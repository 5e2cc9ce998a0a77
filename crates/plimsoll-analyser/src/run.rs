use std::fs::File;
use std::io::{self, Seek as _};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use plimsoll_sbom::{LayerRecord, ReadRecordError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin};
use tokio::sync::Semaphore;

/// What a child may say on standard error; more is cut off.
const COMPLAINT_BYTES_MAX: u64 = 16 << 10;

/// The exit code with which a child says that the layer is at fault.
const REFUSED: i32 = 3;

/// How layers are analysed.
#[derive(Clone, Debug)]
pub struct AnalyserConfig {
    /// The program to run: this one, in its role as analyser.
    pub program: PathBuf,
    /// The words that make it the analyser; the spool's directory is added behind them.
    pub arguments: Vec<String>,
    /// Where records and files that are too large for memory rest. Its file system must know files without names.
    pub spool: PathBuf,
    /// How many layers are read at a time, and how many more may be followed while they arrive.
    pub children_max: usize,
    /// How long one layer may take.
    pub time_max: Duration,
}

/// Analyses layers, each in a child of its own.
#[derive(Clone, Debug)]
pub struct Analyser {
    config: Arc<AnalyserConfig>,
    permits: Arc<Semaphore>,
    /// Apart from the others: a child that waits for a slow client keeps nobody from what is there.
    permits_to_follow: Arc<Semaphore>,
}

/// Why there is no record of a layer.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// The layer is at fault. Its images cannot be evaluated, however often it is read.
    #[error("{0}")]
    Refused(String),
    /// The layer took too long.
    #[error("the layer was not analysed within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// The layer's bytes could not be had.
    #[error("cannot read the layer to analyse it")]
    Source(#[source] io::Error),
    /// The child could not be run.
    #[error("cannot run the layer analyser")]
    Run(#[source] io::Error),
    /// The child failed for another reason.
    #[error("the layer analyser failed: {0}")]
    Failed(String),
    /// The child wrote something that is no record.
    #[error("the layer analyser did not write a record")]
    Record(#[from] ReadRecordError),
}

impl AnalysisError {
    /// Whether the layer itself is at fault, so that trying again is of no use.
    pub fn is_of_layer(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::TooSlow(_))
    }
}

impl Analyser {
    /// Prepares to run children.
    pub fn new(config: AnalyserConfig) -> Self {
        let permits = || Arc::new(Semaphore::new(config.children_max.max(1)));
        Self { permits: permits(), permits_to_follow: permits(), config: Arc::new(config) }
    }

    /// Has a child read the layer whose stored bytes these are, and returns the record: a file without a name.
    pub async fn analyse(
        &self,
        layer: impl Stream<Item = io::Result<Bytes>> + Unpin,
    ) -> Result<LayerRecord<File>, AnalysisError> {
        let _permit =
            self.permits.acquire().await.map_err(|closed| AnalysisError::Run(io::Error::other(closed)))?;
        self.run(layer).await
    }

    /// The same for a layer whose bytes are still arriving: `None`, at once, when as many are followed as may be.
    pub async fn follow(
        &self,
        layer: impl Stream<Item = io::Result<Bytes>> + Unpin,
    ) -> Result<Option<LayerRecord<File>>, AnalysisError> {
        let Ok(_permit) = self.permits_to_follow.try_acquire() else { return Ok(None) };
        self.run(layer).await.map(Some)
    }

    async fn run(
        &self,
        layer: impl Stream<Item = io::Result<Bytes>> + Unpin,
    ) -> Result<LayerRecord<File>, AnalysisError> {
        let mut record = tempfile::tempfile_in(&self.config.spool).map_err(AnalysisError::Run)?;
        let child =
            self.spawn(record.try_clone().map_err(AnalysisError::Run)?).map_err(AnalysisError::Run)?;
        let time_max = self.config.time_max;
        // A child that is dropped is killed.
        let ended = tokio::time::timeout(time_max, feed_and_wait(child, layer)).await;
        let (status, complaint) = ended.map_err(|_| AnalysisError::TooSlow(time_max))??;
        match status.code() {
            Some(0) => {
                record.rewind().map_err(AnalysisError::Run)?;
                Ok(LayerRecord::open(record)?)
            }
            Some(REFUSED) => Err(AnalysisError::Refused(complaint)),
            _ => Err(AnalysisError::Failed(format!("{status}: {complaint}"))),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that starts an analyser, with its limits")]
    fn spawn(&self, record: File) -> io::Result<Child> {
        tokio::process::Command::new(&self.config.program)
            .args(&self.config.arguments)
            // The spool, where the child begins: its name may be one that only the parent's directory understands.
            .arg(".")
            .env_clear()
            .current_dir(&self.config.spool)
            .stdin(Stdio::piped())
            .stdout(record)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

/// Gives the child its bytes while listening to it, and waits for its end.
async fn feed_and_wait(
    mut child: Child,
    layer: impl Stream<Item = io::Result<Bytes>> + Unpin,
) -> Result<(ExitStatus, String), AnalysisError> {
    let missing = || AnalysisError::Run(io::Error::other("the child has no pipes"));
    let stdin = child.stdin.take().ok_or_else(missing)?;
    let stderr = child.stderr.take().ok_or_else(missing)?;
    let (fed, complaint) = tokio::join!(feed(stdin, layer), listen(stderr));
    let status = child.wait().await.map_err(AnalysisError::Run)?;
    // A layer that is cut short here would look damaged to the child: its word does not count then.
    fed.map_err(AnalysisError::Source)?;
    Ok((status, complaint))
}

async fn feed(
    mut stdin: ChildStdin,
    mut layer: impl Stream<Item = io::Result<Bytes>> + Unpin,
) -> io::Result<()> {
    while let Some(chunk) = layer.next().await {
        // A child that refuses a layer does not read it to the end.
        if stdin.write_all(&chunk?).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn listen(stderr: ChildStderr) -> String {
    let mut said = Vec::new();
    // What cannot be read was not said.
    let _ = stderr.take(COMPLAINT_BYTES_MAX).read_to_end(&mut said).await;
    String::from_utf8_lossy(&said).trim().to_owned()
}

#[cfg(test)]
mod tests;
