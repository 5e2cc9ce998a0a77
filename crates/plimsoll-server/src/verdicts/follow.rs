//! Following what is said: an image is judged again when evidence comes or goes, when its rules change, and when
//! something expires.

use std::time::{Duration, Instant};

use plimsoll_attest::Named;
use plimsoll_store::Timestamp;
use plimsoll_store::catalogue::{DueVerdict, TellVerdict, ToldVerdicts};
use tokio::sync::watch;
use uuid::Uuid;

use super::judge::Kept;
use super::summary::moment;
use super::{Judge, JudgeError, NAME};
use crate::clock::now;
use crate::projects::Rules;

/// The lease's name in the catalogue. Who holds it tells changes; two would do no harm.
const LEASE: &str = "verdicts";

/// How long the lease is good.
const LEASE_TTL: Duration = Duration::from_secs(10);

/// How often it is renewed, and asked for by those who do not have it.
const RENEW_EVERY: Duration = Duration::from_secs(2);

/// How often the queue is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Most images that are judged in one round.
const ROUND_MAX: usize = 100;

/// When an image is judged again whose evidence could not be read.
const RETRY_AFTER: Duration = Duration::from_secs(30);

impl Judge {
    /// Judges what is due until the server stops.
    pub(crate) async fn run(self, mut stopped: watch::Receiver<bool>) {
        let holder = Uuid::new_v4().to_string();
        let (mut asked_at, mut is_held) = (None::<Instant>, false);
        loop {
            if asked_at.is_none_or(|at| at.elapsed() >= RENEW_EVERY) {
                let until = now().plus(LEASE_TTL);
                is_held = self
                    .parts
                    .storage
                    .catalogue()
                    .hold_lease(LEASE, &holder, until, now())
                    .await
                    .unwrap_or(false);
                asked_at = Some(Instant::now());
            }
            if is_held && let Err(error) = self.round().await {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot judge images again");
            }
            tokio::select! {
                () = tokio::time::sleep(POLL_INTERVAL) => {}
                () = async { stopped.wait_for(|is_stopped| *is_stopped).await.map_or((), drop) } => break,
            }
        }
        // The next one need not wait for it to end.
        let _ = self.parts.storage.catalogue().release_lease(LEASE, &holder).await;
    }

    async fn round(&self) -> Result<(), JudgeError> {
        for due in self.parts.storage.catalogue().due_verdicts(now(), ROUND_MAX).await? {
            let (repository, digest) = (due.repository.clone(), due.digest);
            if let Err(error) = self.judge_due(due.clone()).await {
                tracing::warn!(%repository, %digest, error = &error as &dyn std::error::Error, "an image could not be judged");
                self.tell(&due, due.told.clone(), Some(now().plus(RETRY_AFTER))).await?;
            }
        }
        Ok(())
    }

    async fn judge_due(&self, due: DueVerdict) -> Result<(), JudgeError> {
        let Some(rules) = self.parts.projects.rules_for(&due.repository).await? else {
            if !due.told.is_empty() {
                return self.tell(&due, ToldVerdicts::new(), Some(now())).await;
            }
            let attached = self.attached(&due.repository, due.digest).await?;
            self.withdraw(&due.repository, &attached).await?;
            return self.tell(&due, ToldVerdicts::new(), None).await;
        };
        let kept = self.judge(&rules, &due.repository, due.digest, moment()).await?;
        if kept.unread.is_some() {
            return self.tell(&due, due.told.clone(), Some(now().plus(RETRY_AFTER))).await;
        }
        let holds = kept.holds(rules.digest);
        if holds != due.told {
            // Told first, and then acted on: what is withdrawn was told of, whatever is said meanwhile.
            return self.tell(&due, holds, Some(now())).await;
        }
        self.bring_summary_up_to_date(&rules, &due, &kept).await?;
        let until = kept.until.map(|until| Timestamp::from_unix_ms(until.as_millisecond()));
        self.tell(&due, holds, until).await
    }

    /// The one summary beside the image says what holds at all gates, by the rules of now; or there is none. Attaching
    /// and withdrawing make the image due again, and then there is nothing left to do.
    async fn bring_summary_up_to_date(
        &self,
        rules: &Rules,
        due: &DueVerdict,
        kept: &Kept,
    ) -> Result<(), JudgeError> {
        let DueVerdict { repository, digest, .. } = due;
        let is_passed = kept.holds(rules.digest).contains_key("");
        let attached = self.attached(repository, *digest).await?;
        if is_passed
            && matches!(attached.as_slice(), [(_, summary)] if summary.policy.named == Named::of(&rules.digest))
        {
            return Ok(());
        }
        self.withdraw(repository, &attached).await?;
        if is_passed {
            let summary = self.summary(rules, kept, repository, None, &[], moment());
            self.attach(&summary, repository, *digest).await?;
        }
        Ok(())
    }

    async fn tell(
        &self,
        due: &DueVerdict,
        holds: ToldVerdicts,
        next_at: Option<Timestamp>,
    ) -> Result<(), JudgeError> {
        let tell = TellVerdict { due: due.clone(), holds, next_at, by: NAME.to_owned(), now: now() };
        // When the image became due anew meanwhile, the next round judges it.
        self.parts.storage.catalogue().tell_verdict(tell).await?;
        Ok(())
    }
}
