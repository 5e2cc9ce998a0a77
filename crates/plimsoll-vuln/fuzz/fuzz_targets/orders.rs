//! Reads any text as two versions of each order: nothing may panic, and no key is the beginning of another one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_vuln::Order;

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

fuzz_target!(|text: &str| {
    let (left, right) = text.split_once('\t').unwrap_or((text, text));
    for order in ORDERS {
        let (Ok(left), Ok(right)) = (order.key(left), order.key(right)) else { continue };
        let is_wanted = order == Order::Rpm || left == right;
        assert!(is_wanted || !right.as_bytes().starts_with(left.as_bytes()), "{order:?}: {text:?}");
    }
});
