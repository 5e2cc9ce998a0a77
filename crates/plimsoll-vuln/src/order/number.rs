/// The first byte of a number is its count of digits and one; what is above this is free for other marks.
pub(super) const NUMBER_DIGITS_MAX: usize = 250;

/// Stands where a number may stand, and is below every number.
pub(super) const BELOW_NUMBERS: u8 = 0;

/// Stands where a number may stand, and is above every number.
pub(super) const ABOVE_NUMBERS: u8 = 255;

/// Appends a number of any size: how many digits it has, then the digits. A number of more digits is greater.
///
/// No digits at all are zero, and leading zeros do not count.
pub(super) fn push_number(digits: &[u8], key: &mut Vec<u8>) {
    let significant = without_leading_zeros(digits);
    key.push(1 + u8::try_from(significant.len()).unwrap_or(ABOVE_NUMBERS - 2));
    key.extend_from_slice(significant);
}

pub(super) fn is_zero(digits: &[u8]) -> bool {
    digits.iter().all(|digit| *digit == b'0')
}

fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: &str) -> Vec<u8> {
        let mut key = Vec::new();
        push_number(digits.as_bytes(), &mut key);
        key
    }

    #[test]
    fn numbers_of_any_length_keep_their_order() {
        let long = "9".repeat(NUMBER_DIGITS_MAX);
        let ascending = ["0", "1", "9", "10", "99", "18446744073709551615", "18446744073709551616", &long];
        assert!(ascending.map(number).is_sorted_by(|left, right| left < right));
        assert!(number(&long) < vec![ABOVE_NUMBERS] && number("") > vec![BELOW_NUMBERS]);
    }

    #[test]
    fn leading_zeros_do_not_count() {
        assert_eq!(number("007"), number("7"));
        assert_eq!(number("000"), number(""));
    }
}
