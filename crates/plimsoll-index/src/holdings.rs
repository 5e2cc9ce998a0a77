use std::collections::HashMap;

use plimsoll_oci::Digest;
use roaring::{MultiOps as _, RoaringBitmap};

/// Which images hold which components: the reverse of what the catalogue says.
///
/// An image that is noted anew gets a new number, since to find its old one among all holders would mean to look at
/// every component there is. Numbers that are gone are swept out together, once they are many.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    /// The image of each number; what stands under a number that is gone means nothing.
    images: Vec<Digest>,
    numbers: HashMap<Digest, u32>,
    /// For each component's number, the images that hold it, and some that are gone.
    holders: Vec<RoaringBitmap>,
    gone: RoaringBitmap,
    /// Numbers that no holder has any more.
    free: Vec<u32>,
}

/// Numbers that are gone are swept out when they are more than this and more than a quarter of all.
const GONE_MAX: u64 = 64;

impl Holdings {
    /// Notes that an image holds exactly these components.
    pub(crate) fn put(&mut self, image: Digest, components: &[u32]) {
        let number = self.number_for(image);
        for component in components {
            let at = *component as usize;
            if at >= self.holders.len() {
                self.holders.resize_with(at + 1, RoaringBitmap::new);
            }
            self.holders[at].insert(number);
        }
        if self.gone.len() > GONE_MAX.max(self.images.len() as u64 / 4) {
            self.sweep();
        }
    }

    /// The images that hold any of the components.
    pub(crate) fn holding_any(&self, components: impl Iterator<Item = u32>) -> Vec<Digest> {
        let holders = components.filter_map(|component| self.holders.get(component as usize));
        let mut all = holders.union();
        all -= &self.gone;
        all.iter().filter_map(|number| self.images.get(number as usize).copied()).collect()
    }

    /// Those of the components that an image holds; `None` if the image is not known.
    pub(crate) fn held_by(&self, image: Digest, components: &[u32]) -> Option<Vec<u32>> {
        let number = *self.numbers.get(&image)?;
        let is_held = |component: &u32| {
            self.holders.get(*component as usize).is_some_and(|holders| holders.contains(number))
        };
        Some(components.iter().copied().filter(is_held).collect())
    }

    /// Whether any image holds the component.
    pub(crate) fn is_held(&self, component: u32) -> bool {
        let holders = self.holders.get(component as usize);
        holders.is_some_and(|holders| !holders.is_empty() && !holders.is_subset(&self.gone))
    }

    pub(crate) fn image_count(&self) -> usize {
        self.numbers.len()
    }

    /// A number that holds nothing yet.
    fn number_for(&mut self, image: Digest) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.images.push(image);
            u32::try_from(self.images.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(place) = self.images.get_mut(number as usize) {
            *place = image;
        }
        self.gone.extend(self.numbers.insert(image, number));
        number
    }

    fn sweep(&mut self) {
        for holders in &mut self.holders {
            *holders -= &self.gone;
        }
        self.free.extend(std::mem::take(&mut self.gone));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(number: u32) -> Digest {
        Digest::sha256_of(&number.to_le_bytes())
    }

    #[test]
    fn images_that_are_noted_anew_again_and_again_hold_only_what_was_noted_last() {
        let mut holdings = Holdings::default();
        for round in 0..7 {
            for number in 0..100 {
                holdings.put(image(number), &[round, 100 + number, 300]);
            }
            for number in 0..100 {
                assert_eq!(holdings.holding_any([100 + number].into_iter()), [image(number)]);
            }
            let of_each_round: Vec<usize> =
                (0..7).map(|other| holdings.holding_any([other].into_iter()).len()).collect();
            let expected: Vec<usize> = (0..7).map(|other| if other == round { 100 } else { 0 }).collect();
            assert_eq!(of_each_round, expected);
            assert!((0..7).all(|other| holdings.is_held(other) == (other == round)));
            assert_eq!((holdings.image_count(), holdings.holding_any([300].into_iter()).len()), (100, 100));
        }
        assert!(holdings.images.len() <= 200, "numbers are used again: {}", holdings.images.len());
    }
}
