//! Opens any bytes as a shard and asks it everything: nothing may panic, and every answer must end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_vuln::index::{Index, ShardKind};

fuzz_target!(|bytes: &[u8]| {
    // The frame is put around the bytes, so that they are about what stands in it.
    let kind = match bytes.first() {
        Some(first) if first % 4 == 0 => ShardKind::Details,
        Some(first) if first % 4 == 1 => ShardKind::Enrichment,
        _ => ShardKind::Advisories,
    };
    for bytes in [bytes.to_vec(), framed(kind, bytes)] {
        let Ok(index) = Index::open([bytes]) else { continue };
        index.mentions("CVE-2024-1000");
        index.enrichment("CVE-2024-1000");
        Index::changed(&index, &index);
        for shard in index.shards() {
            for affected in shard.packages().chain(["m"]).flat_map(|package| shard.affecting(package)) {
                affected.contains(b"key", "1.0");
                affected.symbols().count();
                affected.module_streams().chain(affected.imports()).count();
                affected.architectures().chain(affected.operating_systems()).count();
                if let Some(advisory) = affected.advisory() {
                    advisory.aliases().chain(advisory.upstream()).for_each(|id| drop(id.to_string()));
                    advisory.severities().count();
                    advisory.summary();
                }
            }
        }
    }
});

/// A shard of `kind` whose sections are pieces of `bytes` as long as their first byte says.
fn framed(kind: ShardKind, bytes: &[u8]) -> Vec<u8> {
    let (kind, sections) = match kind {
        ShardKind::Advisories => (1, 6),
        ShardKind::Details => (2, 2),
        ShardKind::Enrichment => (3, 4),
    };
    let (mut lengths, mut rest, mut body) = (Vec::new(), bytes.get(1..).unwrap_or_default(), Vec::new());
    for left in (0..sections).rev() {
        let wanted = if left == 0 { rest.len() } else { rest.first().map_or(0, |first| usize::from(*first)) };
        let (section, after) = rest.split_at(wanted.min(rest.len()));
        lengths.extend((section.len() as u32).to_le_bytes());
        body.extend_from_slice(section);
        rest = after;
    }
    let header = [b"PLIMSOLL".as_slice(), &[1, 0, kind, sections], &[0; 4]].concat();
    [header, lengths, body].concat()
}
