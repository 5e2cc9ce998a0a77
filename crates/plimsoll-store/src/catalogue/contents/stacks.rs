//! Which images were built on which: by their stacks of layers.

use std::collections::HashSet;

use futures_util::FutureExt as _;
use plimsoll_oci::{ChainId, Digest};

use crate::catalogue::Catalogue;
use crate::catalogue::sql::{Result, json_list, params};

impl Catalogue {
    /// Those of `stacks` that are the whole stack of some image other than `image`.
    pub async fn stacks_held(&self, stacks: &[ChainId], image: Digest) -> Result<HashSet<ChainId>> {
        let stacks: Vec<Digest> = stacks.iter().map(|stack| stack.0).collect();
        self.read((json_list(&stacks), image), |tx, (stacks, image)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT DISTINCT stack FROM image_contents
                         WHERE stack IN (SELECT value FROM json_each(?1)) AND manifest <> ?2",
                        params![stacks, *image],
                    )
                    .await?;
                rows.iter().map(|row| row.digest(0).map(ChainId)).collect()
            }
            .boxed()
        })
        .await
    }

    /// Images other than `image` with exactly this stack, at most `limit`, in the order in which they became known.
    pub async fn images_with_stack(
        &self,
        stack: ChainId,
        image: Digest,
        limit: usize,
    ) -> Result<Vec<Digest>> {
        self.read((stack, image, limit), |tx, (stack, image, limit)| {
            async move {
                let rows = tx
                    .rows(
                        "SELECT manifest FROM image_contents WHERE stack = ?1 AND manifest <> ?2
                         ORDER BY id LIMIT ?3",
                        params![stack.0, *image, *limit],
                    )
                    .await?;
                rows.iter().map(|row| row.digest(0)).collect()
            }
            .boxed()
        })
        .await
    }
}
