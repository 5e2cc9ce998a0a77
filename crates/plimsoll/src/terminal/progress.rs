use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::amount::seconds;

/// How long a step runs before its bar appears: what is over sooner needs none.
const QUIET_TIME: Duration = Duration::from_millis(500);

/// Something that may take long. Clones show the same bar, so that workers can move it.
///
/// On a terminal a bar appears after half a second; elsewhere one line tells when the step is done, and how long it
/// took. A step that is dropped without [`Step::done`] failed, and the error is what is shown.
#[derive(Clone)]
pub(crate) struct Step(Arc<Running>);

struct Running {
    label: String,
    bar: ProgressBar,
    started: Instant,
    is_interactive: bool,
    is_silent: bool,
}

impl Step {
    pub(super) fn begin(label: &str, is_interactive: bool, is_silent: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_style(style_of("{msg} {spinner} {elapsed}"));
        bar.set_message(label.to_owned());
        Self(Arc::new(Running {
            label: label.to_owned(),
            bar,
            started: Instant::now(),
            is_interactive,
            is_silent,
        }))
    }

    /// Tells how many bytes there are to come, once that is known.
    pub(crate) fn expect(&self, bytes: u64) {
        self.0.bar.set_length(bytes);
        self.0.bar.set_style(style_of("{msg} [{bar:20}] {decimal_bytes}/{decimal_total_bytes} {elapsed}"));
    }

    /// Moves the bar on.
    pub(crate) fn advance(&self, bytes: u64) {
        let running = &self.0;
        let may_show = running.is_interactive && !running.is_silent;
        if may_show && running.bar.is_hidden() && running.started.elapsed() > QUIET_TIME {
            running.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        running.bar.inc(bytes);
    }

    /// Tells something that happened: above the bar on a terminal, as a line elsewhere.
    pub(crate) fn tell(&self, line: &str) {
        let running = &self.0;
        let line = super::page::printable(line);
        if running.is_silent {
            return;
        }
        if running.is_interactive {
            if running.bar.is_hidden() {
                running.bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            running.bar.println(line);
        } else {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// Ends the step well.
    pub(crate) fn done(self) {
        let running = &self.0;
        let took = running.started.elapsed();
        running.bar.finish_and_clear();
        let is_worth_a_line = !running.is_interactive || took > QUIET_TIME;
        if is_worth_a_line && !running.is_silent {
            let _ = writeln!(std::io::stderr(), "{} done in {}", running.label, seconds(took));
        }
    }
}

/// The templates are constants of this file, so the plain style only ever stands in for a wrong one.
fn style_of(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ")
}

impl Drop for Running {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
