use plimsoll_oci::DiffId;
use serde::{Deserialize, Serialize};

use crate::{Component, Purl};

/// A component together with its evidence: where it was found, how, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Located {
    /// What was found.
    pub component: Component,
    /// The file that names it, in normal form: no slash in front. Empty where a document does not say.
    pub path: String,
    /// The layer that brought that file; a directory has no layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<DiffId>,
    /// The name of the reader that found it.
    pub found_by: String,
    /// The package of the distribution that the file belongs to, when it is not of that package manager itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Purl>,
}
