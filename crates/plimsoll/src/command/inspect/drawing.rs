//! An image's anatomy for people.

use std::cmp::Reverse;

use plimsoll_image::{ContentTotals, ImageAnatomy, LayerAnatomy, LayerContents, Manner, TakenBy};

use crate::terminal::{Column, Page, Report, Table, bytes, percent};

/// Rows of waste where not everything is shown.
const WASTE_ROWS_MAX: usize = 20;

impl Report for ImageAnatomy {
    fn draw(&self, page: &mut Page) {
        draw_identity(self, page);
        draw_layers(self, page);
        if page.is_wide() {
            draw_digests(self, page);
            draw_largest(self, page);
        }
        draw_waste(self, page);
        draw_run_settings(self, page);
        draw_findings(self, page);
        draw_summary(self, page);
    }
}

fn draw_identity(anatomy: &ImageAnatomy, page: &mut Page) {
    let digest = |digest: &plimsoll_oci::Digest, page: &Page| {
        if page.is_wide() { digest.to_string() } else { digest.short() }
    };
    page.heading(&anatomy.name);
    page.fact("manifest", &digest(&anatomy.digest, page));
    page.fact("image id", &digest(&anatomy.image_id.0, page));
    page.fact("platform", &anatomy.platform.to_string());
    page.fact("created", anatomy.created.as_deref().unwrap_or("-"));
}

fn draw_layers(anatomy: &ImageAnatomy, page: &mut Page) {
    page.heading("Layers");
    let mut table = Table::new(&[
        Column::Right("#"),
        Column::Right("STORED"),
        Column::Right("UNPACKED"),
        Column::Right("ADDED"),
        Column::Right("DELETED"),
        Column::Right("REPLACED"),
        Column::Left("INSTRUCTION"),
    ]);
    for layer in &anatomy.layers {
        table.row(layer_row(layer));
    }
    page.table(&table);
    if page.is_wide() {
        draw_history(anatomy, page);
    }
}

fn layer_row(layer: &LayerAnatomy) -> [String; 7] {
    let amount = |of: fn(&LayerContents) -> u64| match layer.contents.as_ref().map(of) {
        None => "?".to_owned(),
        Some(0) => "-".to_owned(),
        Some(count) => bytes(count),
    };
    [
        layer.number.to_string(),
        bytes(layer.compressed_bytes),
        amount(|contents| contents.unpacked_bytes),
        amount(|contents| contents.added_bytes),
        amount(|contents| contents.deleted_bytes),
        amount(|contents| contents.overwritten_bytes),
        layer.instruction.clone().unwrap_or_else(|| "(not known)".to_owned()),
    ]
}

fn draw_history(anatomy: &ImageAnatomy, page: &mut Page) {
    page.heading("History");
    let mut table =
        Table::new(&[Column::Right("LAYER"), Column::Left("CREATED"), Column::Left("INSTRUCTION")]);
    for step in &anatomy.history {
        let layer = step.layer.map_or_else(|| "-".to_owned(), |number| number.to_string());
        table.row([layer, step.created.clone().unwrap_or_default(), step.instruction.clone()]);
    }
    page.table(&table);
}

fn draw_digests(anatomy: &ImageAnatomy, page: &mut Page) {
    page.heading("Digests");
    let mut table = Table::new(&[
        Column::Right("#"),
        Column::Left("STORED"),
        Column::Left("DIFF ID"),
        Column::Left("CHAIN ID"),
        Column::Left("MEDIA TYPE"),
    ]);
    let dash = || "-".to_owned();
    for layer in &anatomy.layers {
        table.row([
            layer.number.to_string(),
            layer.digest.to_string(),
            layer.diff_id.map_or_else(dash, |id| id.to_string()),
            layer.chain_id.map_or_else(dash, |id| id.to_string()),
            layer.media_type.to_string(),
        ]);
    }
    page.table(&table);
}

fn draw_largest(anatomy: &ImageAnatomy, page: &mut Page) {
    let mut table = Table::new(&[Column::Right("#"), Column::Right("SIZE"), Column::Left("LARGEST FILES")]);
    for (layer, contents) in with_contents(anatomy) {
        for file in &contents.largest {
            table.row([layer.number.to_string(), bytes(file.size_bytes), file.path.clone()]);
        }
    }
    if !table.is_empty() {
        page.heading("Largest files");
        page.table(&table);
    }
}

/// What later layers took from earlier ones, the most bytes first.
fn draw_waste(anatomy: &ImageAnatomy, page: &mut Page) {
    let taken_of = |(layer, contents): (&LayerAnatomy, &LayerContents)| -> Vec<(usize, TakenBy)> {
        contents.taken.iter().map(|taken| (layer.number, taken.clone())).collect()
    };
    let mut all: Vec<(usize, TakenBy)> = with_contents(anatomy).flat_map(taken_of).collect();
    if all.is_empty() {
        return;
    }
    all.sort_by_key(|(layer, taken)| (Reverse(taken.bytes), *layer, taken.layer));
    let mut table = Table::new(&[
        Column::Right("WASTED"),
        Column::Right("IN LAYER"),
        Column::Left("BY LAYER"),
        Column::Left("FILES"),
    ]);
    let rows_max = if page.is_wide() { all.len() } else { WASTE_ROWS_MAX };
    for (layer, taken) in all.iter().take(rows_max) {
        let by = format!("{} ({})", taken.layer, manner(taken.manner));
        table.row([bytes(taken.bytes), layer.to_string(), by, files(taken)]);
    }
    page.heading("Wasted");
    page.table(&table);
    if all.len() > rows_max {
        page.line(&format!("… {} more, shown with -o wide", all.len() - rows_max));
    }
}

fn manner(manner: Manner) -> &'static str {
    match manner {
        Manner::Deleted => "deletes",
        Manner::Overwritten => "replaces",
    }
}

fn files(taken: &TakenBy) -> String {
    match taken.files {
        1 => taken.largest_path.clone(),
        count => format!("{count} files, largest {}", taken.largest_path),
    }
}

fn draw_run_settings(anatomy: &ImageAnatomy, page: &mut Page) {
    let run = &anatomy.run;
    page.heading("Started as");
    page.fact("user", run.user.as_deref().unwrap_or("root (none is set)"));
    page.fact("entrypoint", &words(&run.entrypoint));
    page.fact("command", &words(&run.cmd));
    if let Some(directory) = &run.working_dir {
        page.fact("directory", directory);
    }
    for variable in &run.env {
        page.fact("environment", &format!("{}={}", variable.name, variable.value));
    }
    for (name, values) in [("ports", &run.exposed_ports), ("volumes", &run.volumes)] {
        if !values.is_empty() {
            page.fact(name, &values.iter().cloned().collect::<Vec<_>>().join(" "));
        }
    }
    if let Some(signal) = &run.stop_signal {
        page.fact("stop signal", signal);
    }
    for (key, value) in &run.labels {
        page.fact("label", &format!("{key}={value}"));
    }
}

/// Words of a command line; those that hold a space are quoted, so that the words can be told apart.
fn words(words: &[String]) -> String {
    let quoted = |word: &String| {
        let is_plain = !word.is_empty() && !word.contains([' ', '"', '\'']);
        if is_plain { word.clone() } else { format!("{word:?}") }
    };
    if words.is_empty() { "-".to_owned() } else { words.iter().map(quoted).collect::<Vec<_>>().join(" ") }
}

fn draw_findings(anatomy: &ImageAnatomy, page: &mut Page) {
    if anatomy.findings.is_empty() {
        return;
    }
    page.heading("What does not fit together");
    for finding in &anatomy.findings {
        page.line(&format!("! {}", finding.message));
    }
}

fn draw_summary(anatomy: &ImageAnatomy, page: &mut Page) {
    let totals = &anatomy.totals;
    let layers = anatomy.layers.len();
    let plural = if layers == 1 { "" } else { "s" };
    let stored = bytes(totals.compressed_bytes);
    page.heading(&match &totals.contents {
        Some(contents) => format!("{stored} in {layers} layer{plural}; {}", verdict(contents)),
        None => format!("{stored} in {layers} layer{plural}; not every layer was read"),
    });
}

fn verdict(contents: &ContentTotals) -> String {
    let visible = bytes(contents.visible_bytes);
    let wasted = bytes(contents.wasted_bytes);
    let share = percent(contents.wasted_bytes, contents.added_bytes);
    match contents.wasted_bytes {
        0 => format!("{visible} of files, nothing wasted"),
        _ => format!("{visible} of files, {wasted} wasted ({share})"),
    }
}

fn with_contents(anatomy: &ImageAnatomy) -> impl Iterator<Item = (&LayerAnatomy, &LayerContents)> {
    anatomy.layers.iter().filter_map(|layer| Some((layer, layer.contents.as_ref()?)))
}
