//! The inventory of a registry with a hundred thousand images, asked in the way the server asks it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use plimsoll_index::{Event, Inventory};
use plimsoll_vuln::feed::Terms;
use plimsoll_vuln::index::Index;
use serde_json::Value;

use super::advisories::{compile_lines, read_all};
use super::fleet::{self, COMPONENTS, IMAGES, Known};
use crate::bench::part::Figures;
use crate::bench::stopwatch::Stopwatch;

/// Advisories that are new in the last index.
const CHANGED: usize = 1000;
/// The sources of what is known of CVEs whatever package they touch.
const KEV: &str = "kev.";
const SCORES: &str = "cve-";
/// The source that one of the indexes lacks, so that everything is matched again.
const LACKING: &str = "hackage.";
/// Images that are made at a time: all of them would take more memory than the inventory.
const BATCH: u32 = 1000;

/// The same advisories in several states.
struct States {
    known: Known,
    whole: Arc<Index>,
    without_some: Arc<Index>,
    without_kev: Arc<Index>,
    without_shard: Arc<Index>,
}

pub(super) fn measure(directory: &Path) -> anyhow::Result<Figures> {
    let states = States::read(directory)?;
    let components = states.known.components(COMPONENTS);
    let mut measured = Measured { figures: Figures::new() };
    let terms = Terms { now: Timestamp::now(), age_days_max: None };
    let mut inventory = Inventory::new(Arc::new(Index::default()), terms);

    measured.time("inventory.take_components", 1.0, || inventory.add_components(components));
    let mut taking = 0.0;
    for first in (0..IMAGES).step_by(BATCH as usize) {
        let batch: Vec<_> = (first..IMAGES.min(first + BATCH)).map(fleet::image).collect();
        let watch = Stopwatch::start();
        batch.iter().for_each(|(image, held)| inventory.put_image(*image, held));
        taking += watch.cpu_seconds();
    }
    measured.note("inventory.take_images", taking);
    let first = measured.time("inventory.first", 1.0, || replace(&mut inventory, &states.without_some));
    measured.note("inventory.findings", first.len() as f64);

    let touched = measured.time("inventory.touched", 1e3, || inventory.images_touched_by(&states.whole));
    let affected = touched.map_or(0, |images| images.len());
    let events = measured.time("inventory.changed", 1e3, || replace(&mut inventory, &states.whole));
    ensure!(!events.is_empty() && affected > 0, "the changed advisories touch nothing");
    measured.note("inventory.events", events.len() as f64);
    measured.note("inventory.affected", affected as f64);

    measured.time("inventory.again", 1.0, || replace(&mut inventory, &states.without_shard));
    measured.time("inventory.again_back", 1.0, || replace(&mut inventory, &states.whole));
    let kev = measured.time("inventory.kev", 1e3, || replace(&mut inventory, &states.without_kev));
    measured.note("inventory.kev_events", kev.len() as f64);

    let id = most_frequent(&events).context("no event has an id")?;
    measured.time("inventory.locate", 1e3, || inventory.locate(&id));
    measured.time("inventory.counts", 1e3, || inventory.counts());
    let batch: Vec<_> = (0..BATCH).map(fleet::image).collect();
    measured.time("inventory.put_again", 1e6 / f64::from(BATCH), || {
        batch.iter().for_each(|(image, held)| inventory.put_image(*image, held));
    });
    ensure!(inventory.image_count() == IMAGES as usize, "images were lost");
    Ok(measured.figures)
}

fn replace(inventory: &mut Inventory, index: &Arc<Index>) -> Vec<Event> {
    inventory.replace_index(index.clone())
}

/// The vulnerability that most of the events are about.
fn most_frequent(events: &[Event]) -> Option<String> {
    let ids: BTreeSet<&str> = events.iter().map(|event| &*event.vulnerability).collect();
    let count = |id: &str| events.iter().filter(|event| event.vulnerability == id).count();
    ids.into_iter().max_by_key(|id| count(id)).map(str::to_owned)
}

impl States {
    fn read(directory: &Path) -> anyhow::Result<Self> {
        let texts = read_all(directory)?;
        let mut known = Known::default();
        let of_packages = || texts.iter().filter(|(name, _)| !is_of_cves(name));
        for line in of_packages().flat_map(|(_, text)| text.lines()) {
            known.note(&serde_json::from_str::<Value>(line).context("reading a record")?);
        }
        let records: usize = of_packages().map(|(_, text)| text.lines().count()).sum();
        let step = records / CHANGED;
        let index = |is_source: &dyn Fn(&str) -> bool, is_left_out: &dyn Fn(usize) -> bool| {
            let mut number = 0;
            let sources = texts.iter().filter(|(name, _)| is_source(name)).map(|(name, text)| {
                let is_kept = |_: &&str| {
                    number += usize::from(!is_of_cves(name));
                    is_of_cves(name) || !is_left_out(number)
                };
                (name.as_str(), text.lines().filter(is_kept).collect())
            });
            let built = compile_lines(sources.collect::<Vec<_>>())?;
            anyhow::Ok(Arc::new(Index::open(built.shards)?))
        };
        Ok(Self {
            whole: index(&|_| true, &|_| false)?,
            without_some: index(&|_| true, &|number| number.is_multiple_of(step))?,
            without_kev: index(&|name| !name.starts_with(KEV), &|_| false)?,
            without_shard: index(&|name| !name.starts_with(LACKING), &|_| false)?,
            known,
        })
    }
}

fn is_of_cves(name: &str) -> bool {
    name.starts_with(KEV) || name.starts_with(SCORES)
}

struct Measured {
    figures: Figures,
}

impl Measured {
    /// Does something and notes the seconds that the processor took, and the clock, both times `scale`.
    fn time<T>(&mut self, key: &str, scale: f64, work: impl FnOnce() -> T) -> T {
        let watch = Stopwatch::start();
        let result = work();
        self.note(key, watch.cpu_seconds() * scale);
        self.note(&format!("{key}.wall"), watch.wall_seconds() * scale);
        result
    }

    fn note(&mut self, key: &str, value: f64) {
        self.figures.insert(key.to_owned(), value);
    }
}
