use std::cmp::Ordering;

/// The keys under which two sorted lists have something else, in their order.
pub(super) fn changed<K: Ord, V: PartialEq>(
    olds: impl Iterator<Item = (K, V)>,
    news: impl Iterator<Item = (K, V)>,
) -> Vec<K> {
    let mut changed = Vec::new();
    let (mut olds, mut news) = (olds.peekable(), news.peekable());
    loop {
        let side = match (olds.peek(), news.peek()) {
            (None, None) => return changed,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let old = if side.is_le() { olds.next() } else { None };
        let new = if side.is_ge() { news.next() } else { None };
        if old != new {
            changed.extend(old.or(new).map(|(key, _)| key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_went_or_is_another_has_changed() {
        let old = [(1, 'a'), (2, 'b'), (3, 'c'), (5, 'e')];
        let new = [(2, 'b'), (3, 'x'), (4, 'd'), (5, 'e')];
        let none: [(i32, char); 0] = [];
        for (left, right, expected) in [
            (&old[..], &new[..], &[1, 3, 4][..]),
            (&old[..], &old[..], &[][..]),
            (&none[..], &new[..], &[2, 3, 4, 5][..]),
            (&old[..], &none[..], &[1, 2, 3, 5][..]),
        ] {
            assert_eq!(changed(left.iter().copied(), right.iter().copied()), expected);
        }
    }
}
