use std::collections::BTreeMap;

use plimsoll_sbom::Distribution;

/// Components in one piece: enough that a matcher pays, and few enough for all processors to be busy to the end.
const PIECE: usize = 4096;

/// Components with one distribution around them.
#[derive(Debug)]
pub(crate) struct Piece<'s> {
    pub(crate) distribution: Option<&'s Distribution>,
    pub(crate) components: Vec<u32>,
}

/// The distribution around each component. There are few, and comparing them costs more than matching most components.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    distributions: Vec<Option<Distribution>>,
    numbers: BTreeMap<Option<Distribution>, usize>,
    /// For each component's number, the place of its distribution; nothing where there is no such component.
    of_components: Vec<Option<usize>>,
}

impl Surroundings {
    pub(crate) fn put(&mut self, component: u32, distribution: &Option<Distribution>) {
        let number = match self.numbers.get(distribution) {
            Some(number) => *number,
            None => {
                self.distributions.push(distribution.clone());
                self.numbers.insert(distribution.clone(), self.distributions.len() - 1);
                self.distributions.len() - 1
            }
        };
        let at = component as usize;
        if at >= self.of_components.len() {
            self.of_components.resize(at + 1, None);
        }
        self.of_components[at] = Some(number);
    }

    /// Parts components by the distribution around them.
    pub(crate) fn part(&self, components: impl IntoIterator<Item = u32>) -> Vec<Piece<'_>> {
        let mut parts: Vec<Vec<u32>> = vec![Vec::new(); self.distributions.len()];
        for component in components {
            let place = self.of_components.get(component as usize).copied().flatten();
            if let Some(part) = place.and_then(|place| parts.get_mut(place)) {
                part.push(component);
            }
        }
        let parts = self.distributions.iter().zip(&parts);
        parts
            .flat_map(|(distribution, part)| {
                part.chunks(PIECE)
                    .map(|piece| Piece { distribution: distribution.as_ref(), components: piece.to_vec() })
            })
            .collect()
    }
}
