//! What is inside the images: which layers have records, which images wait, what was found, and where it is.

mod components;
mod images;
mod layers;
mod places;
mod queue;

pub use images::{ImageToNote, NotedImage};
pub use layers::LayerAnalysis;
pub use places::ImagePlace;

pub(super) use images::drop_image;
pub(super) use layers::drop_layer;
pub(super) use queue::enqueue;

use super::sql::{CatalogueError, Result, Row};

fn small(row: &Row, column: usize) -> Result<u32> {
    let number = row.integer(column)?;
    u32::try_from(number).map_err(|_| CatalogueError::Damaged { what: "number", found: number.to_string() })
}
