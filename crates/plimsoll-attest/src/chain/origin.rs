use super::{ChainParts, Hop, HopKind};
use crate::{Aspect, Grade, Provenance};

/// Most people that a line names.
const NAMED_MAX: usize = 5;

/// Provenance, and who signed it.
struct Told {
    provenance: Provenance,
    signer: String,
}

/// Commit and build, as the provenance tells that vouches for most.
pub(super) fn hops(parts: &ChainParts<'_>) -> [Hop; 2] {
    match told(parts) {
        Some(told) => [commit(&told), build(&told)],
        None => missing(parts),
    }
}

fn told(parts: &ChainParts<'_>) -> Option<Told> {
    let all = parts.proven.iter().filter_map(|proven| {
        let provenance = Provenance::of(proven.fact.statement())?;
        Some(Told { provenance, signer: proven.fact.signer().to_owned() })
    });
    let weight = |told: &Told| {
        let grade = |aspect| told.provenance.grade(aspect);
        (grade(Aspect::Builder), told.provenance.source.is_some(), grade(Aspect::Source))
    };
    // The first of equals, so that the answer stays the same when others say the same.
    all.reduce(|best, next| if weight(&next) > weight(&best) { next } else { best })
}

fn commit(told: &Told) -> Hop {
    let Told { provenance, signer } = told;
    let Some(source) = &provenance.source else {
        let what = format!("the provenance by {signer} names no commit");
        return Hop::missing(HopKind::Commit, what);
    };
    let people: Vec<&str> = provenance.people.iter().map(String::as_str).collect();
    let by = match people.get(..NAMED_MAX) {
        _ if people.is_empty() => String::new(),
        Some(first) if people.len() > NAMED_MAX => {
            format!(", by {} and {} more", first.join(", "), people.len() - NAMED_MAX)
        }
        _ => format!(", by {}", people.join(", ")),
    };
    let dirty = if provenance.is_dirty == Some(true) { ", with changes that are in no commit" } else { "" };
    Hop {
        grade: Some(provenance.grade(Aspect::Source)),
        who: vec![signer.clone()],
        ..Hop::known(HopKind::Commit, format!("{} of {}{by}{dirty}", source.commit, source.uri))
    }
}

fn build(told: &Told) -> Hop {
    let Told { provenance, signer } = told;
    let Some(builder) = &provenance.builder else {
        return Hop::missing(HopKind::Build, format!("the provenance by {signer} names no builder"));
    };
    let run = provenance.invocation.as_ref().map(|run| format!(", run {run}")).unwrap_or_default();
    let actor = provenance.actor.as_ref().and_then(|actor| actor.login.as_ref().or(actor.email.as_ref()));
    let started = actor.map(|actor| format!(", started by {actor}")).unwrap_or_default();
    Hop {
        grade: Some(provenance.grade(Aspect::Builder)),
        who: vec![signer.clone()],
        when: provenance.finished_on.or(provenance.started_on),
        ..Hop::known(HopKind::Build, format!("by {builder}{run}{started}"))
    }
}

/// Without provenance that counts; what nobody signed is at least mentioned.
fn missing(parts: &ChainParts<'_>) -> [Hop; 2] {
    let claimed = parts.claims.iter().find_map(|claim| claim.provenance());
    let Some(Provenance { source, builder, .. }) = claimed else {
        return [HopKind::Commit, HopKind::Build].map(|hop| Hop::missing(hop, "no provenance that counts"));
    };
    let only_claimed = |hop, what: Option<String>| {
        let what = what.unwrap_or_else(|| "unknown".to_owned());
        Hop { grade: Some(Grade::Claimed), ..Hop::missing(hop, format!("signed by nobody: {what}")) }
    };
    let commit = source.map(|source| format!("{} of {}", source.commit, source.uri));
    [
        only_claimed(HopKind::Commit, commit),
        only_claimed(HopKind::Build, builder.map(|by| format!("by {by}"))),
    ]
}
