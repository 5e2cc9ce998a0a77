//! What is inside the images: which layers have records, which images wait, what was found, and where it is.

mod components;
mod images;
mod layers;
mod places;
mod queue;
mod stacks;

pub use images::{ImageToNote, NotedImage};
pub use layers::LayerAnalysis;
pub use places::ImagePlace;

pub(super) use images::drop_image;
pub(super) use layers::drop_layer;
pub(super) use queue::enqueue;
