/// Whether a path ends in what a pattern says. A star stands for any text within one component.
///
/// `python3*` is a file name; `releases/*/OTP_VERSION` is a file name and the two folders that it lies in.
pub(super) fn is_match(pattern: &str, path: &str) -> bool {
    let mut components = path.rsplit('/');
    pattern
        .rsplit('/')
        .all(|pattern| components.next().is_some_and(|component| is_component(pattern, component)))
}

fn is_component(pattern: &str, component: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == component;
    };
    let Some(mut component) = component.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('*');
    let last = parts.next_back().unwrap_or_default();
    for part in parts {
        match component.split_once(part) {
            Some((_, after)) => component = after,
            None => return false,
        }
    }
    component.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_matched_with_its_stars() {
        for (pattern, path) in [
            ("node", "usr/local/bin/node"),
            ("python3*", "python3"),
            ("python3*", "opt/bin/python3.11"),
            ("libcrypto.so*", "lib/libcrypto.so.3"),
            ("lib*.so*", "libphp8.2.so.1"),
            ("releases/*/OTP_VERSION", "usr/lib/erlang/releases/25/OTP_VERSION"),
        ] {
            assert!(is_match(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for (pattern, path) in [
            ("node", "usr/bin/nodejs"),
            ("node", "node/index.js"),
            ("python3*", "usr/bin/bpython3"),
            ("lib*.so*", "libphp.a"),
            ("releases/*/OTP_VERSION", "OTP_VERSION"),
            ("releases/*/OTP_VERSION", "releases/25/26/OTP_VERSION"),
        ] {
            assert!(!is_match(pattern, path), "{pattern} {path}");
        }
    }
}
