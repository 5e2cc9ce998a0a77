use futures_util::FutureExt as _;
use plimsoll_oci::Digest;

use super::{EdgeKind, EvidenceToNote, FactToNote, Node};
use crate::catalogue::Catalogue;
use crate::catalogue::sql::{CatalogueError, Result, Transaction, params};

impl Catalogue {
    /// Replaces what the evidence graph has of manifests by what they say now, and takes them out of the queue.
    pub async fn note_evidence(&self, evidence: Vec<EvidenceToNote>) -> Result<()> {
        // Lost with the machine, the queue has them still.
        self.write_soft(evidence, |tx, evidence| {
            async move {
                for one in evidence {
                    note(tx, one).await?;
                }
                Ok(())
            }
            .boxed()
        })
        .await
    }
}

async fn note(tx: &mut Transaction<'_>, evidence: &EvidenceToNote) -> Result<()> {
    forget(tx, evidence.manifest).await?;
    for fact in &evidence.facts {
        insert(tx, evidence, fact).await?;
    }
    let source = Node::Image(evidence.manifest).to_string();
    for child in &evidence.listed {
        let target = Node::Image(*child).to_string();
        put_edge(tx, None, &source, EdgeKind::Lists, &target).await?;
    }
    tx.execute(
        "DELETE FROM evidence_queue WHERE manifest = ?1 AND due_at = ?2",
        params![evidence.manifest, evidence.taken_until],
    )
    .await
    .map(drop)
}

async fn forget(tx: &mut Transaction<'_>, manifest: Digest) -> Result<()> {
    let known = tx.row("SELECT 1 FROM facts WHERE manifest = ?1 LIMIT 1", params![manifest]).await?;
    if known.is_some() {
        let sql = "DELETE FROM evidence_edges WHERE fact IN (SELECT id FROM facts WHERE manifest = ?1)";
        tx.execute(sql, params![manifest]).await?;
        tx.execute("DELETE FROM facts WHERE manifest = ?1", params![manifest]).await?;
    }
    let source = Node::Image(manifest).to_string();
    let sql = "DELETE FROM evidence_edges WHERE source = ?1 AND kind = ?2 AND fact IS NULL";
    tx.execute(sql, params![source, EdgeKind::Lists.as_str()]).await.map(drop)
}

async fn insert(tx: &mut Transaction<'_>, evidence: &EvidenceToNote, fact: &FactToNote) -> Result<()> {
    let row = tx
        .row(
            "INSERT INTO facts (manifest, part, layer, subject, predicate_type, is_signed, key_id, summary, problem,
                 stated_at, valid_from, valid_until, observed_at, leaf, retraction)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) RETURNING id",
            params![
                evidence.manifest,
                i64::from(fact.part),
                fact.layer,
                fact.subject,
                fact.predicate_type.as_deref(),
                i64::from(fact.is_signed),
                fact.key_id.as_deref(),
                &fact.summary,
                fact.problem.as_deref(),
                fact.stated_at,
                fact.valid_from,
                fact.valid_until,
                evidence.observed_at,
                evidence.leaf.filter(|_| fact.is_signed).map(|leaf| leaf.to_string()),
                evidence.retraction.as_deref(),
            ],
        )
        .await?;
    let number = row.ok_or(CatalogueError::Overtaken)?.integer(0)?;
    for edge in &fact.edges {
        let (source, target) = (edge.source.to_string(), edge.target.to_string());
        put_edge(tx, Some(number), &source, edge.kind, &target).await?;
    }
    Ok(())
}

async fn put_edge(
    tx: &mut Transaction<'_>,
    fact: Option<i64>,
    source: &str,
    kind: EdgeKind,
    target: &str,
) -> Result<()> {
    tx.execute(
        "INSERT INTO evidence_edges (fact, source, kind, target) VALUES (?1, ?2, ?3, ?4)",
        params![fact, source, kind.as_str(), target],
    )
    .await
    .map(drop)
}
