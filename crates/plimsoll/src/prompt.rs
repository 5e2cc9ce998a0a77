//! Questions to a user who sits at a terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use plimsoll_transport::Secret;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::context::Context;
use crate::failure::Failure;

/// Longest answer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Whether there is somebody to ask.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a line.
pub(crate) fn ask(question: &str, context: &mut Context) -> Result<String, Failure> {
    let stream = context.terminal().error_stream();
    let _ = write!(stream, "{question}").and_then(|()| stream.flush());
    context.block_on(async {
        let reading = tokio::task::spawn_blocking(read_line).await;
        let read = reading.map_err(io::Error::other).and_then(|line| line);
        read.map_err(|error| Failure::usage("cannot read from the terminal").because(&error))
    })
}

/// Asks for a line that is not shown while it is typed.
pub(crate) fn ask_secret(question: &str, context: &mut Context) -> Result<Secret, Failure> {
    let hidden = HiddenInput::begin()
        .map_err(|error| Failure::usage("cannot hide what is typed on this terminal").because(&error))?;
    let answer = ask(question, context);
    drop(hidden);
    // The line end was not shown either.
    let _ = writeln!(context.terminal().error_stream());
    answer.map(Secret::new)
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().take(ANSWER_BYTES_MAX).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The terminal shows nothing that is typed until this is dropped, which happens after Ctrl-C as well.
struct HiddenInput {
    before: Termios,
}

impl HiddenInput {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self { before })
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}
