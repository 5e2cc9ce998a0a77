//! Reads any bytes as a manifest and as an image config: nothing may panic, and what is read can be walked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_oci::{ChainId, ImageConfig, Manifest, MediaType};

fuzz_target!(|bytes: &[u8]| {
    for sent_as in [None, Some(&MediaType::IMAGE_MANIFEST), Some(&MediaType::IMAGE_INDEX)] {
        if let Ok((manifest, _)) = Manifest::parse(bytes, sent_as) {
            let _ = (manifest.blobs().count(), manifest.children().len(), manifest.artifact_type());
        }
    }
    if let Ok(config) = ImageConfig::parse(bytes) {
        let chain = ChainId::of_stack(&config.rootfs.diff_ids);
        assert_eq!(chain.len(), config.rootfs.diff_ids.len());
    }
});
