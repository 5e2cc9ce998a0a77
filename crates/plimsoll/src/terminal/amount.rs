//! Amounts as people read them. Programs get plain numbers of bytes.

use std::time::Duration;

/// A number of bytes in decimal units and three digits, such as `1.23 MB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut thousandths = u128::from(count);
    for unit in UNITS {
        // Rounding must not show `1000 kB` where `1.00 MB` is meant.
        if thousandths < 999_500 {
            return format!("{} {unit}", three_digits(thousandths));
        }
        thousandths /= 1000;
    }
    unreachable!("a 64-bit number of bytes is less than 19 EB")
}

fn three_digits(thousandths: u128) -> String {
    let rounded = |step: u128| (thousandths + step / 2) / step;
    match thousandths {
        0..9_995 => format!("{}.{:02}", rounded(10) / 100, rounded(10) % 100),
        9_995..99_950 => format!("{}.{}", rounded(100) / 10, rounded(100) % 10),
        _ => rounded(1000).to_string(),
    }
}

/// A part of a whole in per cent; a small part is not shown as nothing.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let tenths = (u128::from(part) * 1000).checked_div(whole.into()).unwrap_or_default();
    match (part, tenths) {
        (0, _) => "0 %".to_owned(),
        (_, 0) => "under 0.1 %".to_owned(),
        (_, 1..100) => format!("{}.{} %", tenths / 10, tenths % 10),
        _ => format!("{} %", (tenths + 5) / 10),
    }
}

/// A time as `1.2 s`.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits_and_a_unit() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (9_994, "9.99 kB"),
            (9_995, "10.0 kB"),
            (123_456, "123 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (170_401_280, "170 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (count, text) in cases {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn a_small_part_is_not_nothing() {
        assert_eq!(percent(0, 10), "0 %");
        assert_eq!(percent(1, 100_000), "under 0.1 %");
        assert_eq!(percent(57, 1000), "5.7 %");
        assert_eq!(percent(495, 1000), "50 %");
        assert_eq!(percent(0, 0), "0 %");
    }

    proptest::proptest! {
        #[test]
        fn any_number_of_bytes_can_be_shown(count: u64) {
            proptest::prop_assert!(bytes(count).len() <= 7);
        }
    }
}
