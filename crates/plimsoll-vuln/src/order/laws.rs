//! What holds in every order, for any text.

use proptest::prelude::*;
use proptest::sample::select;

use super::{Order, compare_to_bound};

const ORDERS: [Order; 9] = [
    Order::Dpkg,
    Order::Rpm,
    Order::Apk,
    Order::SemVer,
    Order::Pep440,
    Order::Maven,
    Order::RubyGems,
    Order::Composer,
    Order::NuGet,
];

fn order() -> impl Strategy<Value = Order> {
    select(&ORDERS)
}

/// Texts like versions, of few characters, so that two of them are often close.
fn version() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-2](\\.[0-2]){0,3}([-._~^+]?(a|b|rc|dev|pre|x|alpha|Final|p|r)?[-.]?[0-2]?){0,3}",
        "[0-9a-zA-Z.~^+_!:*@ -]{1,12}",
        "[ -~]{1,8}",
    ]
}

proptest! {
    #[test]
    fn any_text_is_encoded_or_refused_and_the_buffer_kept(order in order(), text in any::<String>()) {
        let mut key = b"kept".to_vec();
        let is_encoded = order.encode(&text, &mut key).is_ok();
        prop_assert!(key.starts_with(b"kept"));
        prop_assert_eq!(is_encoded, key.len() > 4);
    }

    #[test]
    fn a_key_is_no_beginning_of_another(order in order(), left in version(), right in version()) {
        if let (Ok(left), Ok(right)) = (order.key(&left), order.key(&right)) {
            let is_wanted = order == Order::Rpm || left == right;
            prop_assert!(is_wanted || !right.as_bytes().starts_with(left.as_bytes()));
        }
    }

    #[test]
    fn a_version_is_what_it_is_as_a_bound(order in order(), version in version()) {
        if let Ok(key) = order.key(&version) {
            prop_assert!(compare_to_bound(key.as_bytes(), key.as_bytes()).is_eq());
        }
    }

    #[test]
    fn space_around_a_version_does_not_count(order in order(), version in version()) {
        prop_assert_eq!(order.key(&version).ok(), order.key(&format!(" {version}\n")).ok());
    }

    #[test]
    fn a_greater_number_makes_a_greater_version(order in order(), numbers in "[0-9](\\.[1-9]){0,3}", low in 1..999_u32) {
        let [low, high] = [low, low + 1].map(|last| order.key(&format!("{numbers}.{last}")));
        // NuGet and Composer know no more than four numbers.
        if let (Ok(low), Ok(high)) = (low, high) {
            prop_assert!(low < high);
        }
    }

    #[test]
    fn each_order_knows_plain_numbers(order in order(), numbers in "[0-9]{1,5}(\\.(0|[1-9][0-9]{0,5})){0,2}") {
        prop_assert!(order.key(&numbers).is_ok());
    }
}
