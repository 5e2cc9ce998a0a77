use std::collections::HashMap;

use plimsoll_oci::Digest;
use roaring::RoaringBitmap;

/// Which images hold which components: the reverse of what the catalogue says.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    images: Vec<Digest>,
    numbers: HashMap<Digest, u32>,
    /// For each component's number, the images that hold it.
    holders: Vec<RoaringBitmap>,
}

impl Holdings {
    /// Notes that an image holds exactly these components.
    pub(crate) fn put(&mut self, image: Digest, components: &[u32]) {
        let known = self.numbers.get(&image).copied();
        if let Some(number) = known {
            for holders in &mut self.holders {
                holders.remove(number);
            }
        }
        let number = known.unwrap_or_else(|| self.add(image));
        for component in components {
            let at = *component as usize;
            if at >= self.holders.len() {
                self.holders.resize_with(at + 1, RoaringBitmap::new);
            }
            self.holders[at].insert(number);
        }
    }

    /// The images that hold any of the components.
    pub(crate) fn holding_any(&self, components: impl Iterator<Item = u32>) -> Vec<Digest> {
        let mut all = RoaringBitmap::new();
        for holders in components.filter_map(|component| self.holders.get(component as usize)) {
            all |= holders;
        }
        all.iter().filter_map(|number| self.images.get(number as usize).copied()).collect()
    }

    /// Whether any image holds the component.
    pub(crate) fn is_held(&self, component: u32) -> bool {
        self.holders.get(component as usize).is_some_and(|holders| !holders.is_empty())
    }

    pub(crate) fn image_count(&self) -> usize {
        self.images.len()
    }

    fn add(&mut self, image: Digest) -> u32 {
        let number = u32::try_from(self.images.len()).unwrap_or(u32::MAX);
        self.images.push(image);
        self.numbers.insert(image, number);
        number
    }
}
