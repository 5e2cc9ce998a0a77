//! Addresses of source repositories.

/// The address of a git repository as SLSA names it, `git+https://…`, without what would let somebody in.
///
/// That is user and password of an address over HTTP, the password of any other, and what stands behind `?` and `#`.
/// Nothing for an address that only means something where it was written.
pub fn source_uri(remote: &str) -> Option<String> {
    let remote = remote.trim();
    let remote = remote.strip_prefix("git+").unwrap_or(remote);
    if remote.is_empty() || remote.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return None;
    }
    if remote.starts_with('/') {
        return Some(format!("git+file://{remote}"));
    }
    let Some((scheme, rest)) = remote.split_once("://") else { return of_scp(remote) };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, host) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let user = user
        .and_then(|user| user.split(':').next())
        .filter(|_| scheme == "ssh")
        .map(|user| format!("{user}@"));
    let is_known = matches!(scheme, "https" | "http" | "ssh" | "git" | "file");
    let is_place = !host.is_empty() || scheme == "file";
    (is_known && is_place).then(|| format!("git+{scheme}://{}{host}/{path}", user.unwrap_or_default()))
}

/// `[user@]host:path`, which is SSH. A path that is relative to a directory has no colon before its first slash.
fn of_scp(remote: &str) -> Option<String> {
    let (host, path) = remote.split_once(':')?;
    let is_host = !host.is_empty() && !host.contains('/') && !path.is_empty() && !path.starts_with(':');
    is_host.then(|| format!("git+ssh://{host}/{}", path.trim_start_matches('/')))
}

/// Whether two addresses name the same repository, however it is reached: host and path decide.
pub fn is_same_repository(one: &str, other: &str) -> bool {
    match (host_and_path(one), host_and_path(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

fn host_and_path(address: &str) -> Option<(String, String)> {
    let uri = source_uri(address)?;
    let (_, rest) = uri.split_once("://")?;
    let (authority, path) = rest.split_once('/')?;
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    // A branch or tag may stand behind an `@`, as in `git+https://example.org/app@refs/heads/main`.
    let path = path.split("@refs/").next().unwrap_or_default().trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    Some((host.to_ascii_lowercase(), path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_somebody_in_is_left_out() {
        for (remote, expected) in [
            ("https://example.org/team/app.git", "git+https://example.org/team/app.git"),
            ("https://oauth2:secret@example.org:8443/app", "git+https://example.org:8443/app"),
            ("https://secret@example.org/app?private_token=secret#secret", "git+https://example.org/app"),
            ("ssh://git:secret@example.org/app", "git+ssh://git@example.org/app"),
            ("git@example.org:team/app.git", "git+ssh://git@example.org/team/app.git"),
            ("/srv/git/app.git", "git+file:///srv/git/app.git"),
            ("file:///srv/git/app.git", "git+file:///srv/git/app.git"),
        ] {
            assert_eq!(source_uri(remote).as_deref(), Some(expected));
        }
        for nothing in
            ["", "../app", "ext::sh -c evil", "ext::sh", "C:", "https://", "gopher://example.org/x"]
        {
            assert_eq!(source_uri(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_repository_is_the_same_however_it_is_reached() {
        let address = "git+https://Example.org/team/app@refs/heads/main";
        for other in [
            "git@example.org:team/app.git",
            "https://x:y@example.org/team/app/",
            "ssh://example.org:22/team/app",
        ] {
            assert!(is_same_repository(address, other), "{other}");
        }
        for other in ["https://example.org/team/app2", "https://example.com/team/app", "nonsense", ""] {
            assert!(!is_same_repository(address, other), "{other}");
        }
    }
}
