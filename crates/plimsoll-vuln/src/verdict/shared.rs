//! A finding is one value for all images that have the component; in a document it is written out where it stands.

use std::sync::Arc;

use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

use crate::finding::Finding;

pub(super) fn serialize<S: Serializer>(finding: &Arc<Finding>, serializer: S) -> Result<S::Ok, S::Error> {
    finding.as_ref().serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Finding>, D::Error> {
    Finding::deserialize(deserializer).map(Arc::new)
}
