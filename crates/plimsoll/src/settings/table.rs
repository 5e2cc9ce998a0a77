/// One setting: its key in files, what it is without being set, and what it does.
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    /// Empty when it is unset by default.
    pub(crate) default: &'static str,
    pub(crate) masking: Masking,
    /// Whether it takes several values, which a single text separates with commas.
    pub(crate) is_list: bool,
    pub(crate) about: &'static str,
}

/// What of a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Masking {
    /// All of it.
    Open,
    /// Nothing of it.
    Secret,
    /// All but the password inside the URL.
    UrlPassword,
}

/// Every setting there is. An environment variable's name follows from the key: `gc.grace` is `PLIMSOLL_GC_GRACE`.
pub(crate) const SETTINGS: &[Setting] = &[
    list("listen", "127.0.0.1:5000", "addresses to listen on"),
    open("data_dir", "/var/lib/plimsoll", "directory of the database and the objects"),
    open("external_url", "", "how clients reach the server behind a proxy"),
    open("log.origin", "", "name of the transparency log; the host of external_url if unset"),
    Setting {
        key: "database.url",
        default: "",
        masking: Masking::UrlPassword,
        is_list: false,
        about: "postgres://… instead of SQLite in the data directory",
    },
    Setting {
        key: "objects.url",
        default: "",
        masking: Masking::UrlPassword,
        is_list: false,
        about: "s3://bucket/prefix instead of files in the data directory",
    },
    open("objects.endpoint", "", "URL of an S3-compatible storage"),
    open("objects.region", "us-east-1", "region of the storage"),
    open("objects.access_key_id", "", "access key of the storage"),
    Setting {
        key: "objects.secret_access_key",
        default: "",
        masking: Masking::Secret,
        is_list: false,
        about: "secret of the access key",
    },
    open("objects.allow_http", "false", "whether the storage may be reached without TLS"),
    open("objects.virtual_hosted", "false", "whether the bucket is part of the storage's host name"),
    open("objects.redirect", "false", "whether clients fetch blobs from the storage itself"),
    open("tls.cert", "", "PEM file of the server's certificate chain"),
    open("tls.key", "", "PEM file of the certificate's key"),
    open("auth.anonymous_pull", "false", "whether everybody may pull"),
    open("auth.token_ttl", "5m", "how long a token is good"),
    list(
        "ci.issuers",
        "",
        "whose tokens say how images were built: `issuer`, `audience`, `jwks`, `kind`, and `builder` if need be",
    ),
    open("gc.grace", "24h", "how long unreferenced content stays; gc.hold at least"),
    open("gc.hold", "24h", "how long a fresh blob waits for its manifest"),
    open("gc.interval", "1m", "how often the collector looks"),
    list("advisories.mirrors", "", "where `db update` finds archives, as URL/PyPI/all.zip; OSV's by default"),
    open("scan.enabled", "true", "whether images are analysed as they arrive"),
    open("scan.advisories", "plimsoll/advisories:latest", "where in this registry the advisories are"),
    open("scan.age_max", "30d", "how old advisories may be before they prove nothing; 0s for no limit"),
    open(
        "scan.events.keep",
        "365d",
        "how long what other advisories meant is kept; a million events at most",
    ),
    open("scan.children", "2", "how many layers are analysed at a time, and as many more while they arrive"),
    open("upload.ttl", "24h", "how long an upload may lie still"),
    open("storage.reserve", "512MiB", "bytes that stay free on the disk"),
    list("immutable_tags", "", "tags that never move, as `repositories:tags` patterns"),
    open("metrics.listen", "", "address of a listener of its own for metrics"),
    open("shutdown.delay", "0s", "how long `/readyz` fails at the end before connections are refused"),
    open("shutdown.grace", "30s", "how long running requests may take at the end"),
];

const fn open(key: &'static str, default: &'static str, about: &'static str) -> Setting {
    Setting { key, default, masking: Masking::Open, is_list: false, about }
}

const fn list(key: &'static str, default: &'static str, about: &'static str) -> Setting {
    Setting { key, default, masking: Masking::Open, is_list: true, about }
}

impl Setting {
    /// The setting with this key.
    pub(crate) fn find(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// The value as it may be shown.
    pub(crate) fn shown(&self, value: &str) -> String {
        match self.masking {
            Masking::Open => value.to_owned(),
            Masking::Secret if value.is_empty() => String::new(),
            Masking::Secret => "***".to_owned(),
            Masking::UrlPassword => without_password(value),
        }
    }
}

/// The name of a setting's environment variable.
pub(crate) fn environment_name(key: &str) -> String {
    format!("PLIMSOLL_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// The key that somebody may have meant.
pub(crate) fn nearest_key(unknown: &str) -> Option<&'static str> {
    let distance = |key: &str| strsim::damerau_levenshtein(unknown, key);
    let nearest = SETTINGS.iter().map(|setting| setting.key).min_by_key(|key| distance(key))?;
    let is_near = distance(nearest) <= (unknown.len() / 3).max(1);
    is_near.then_some(nearest)
}

/// Masks passwords in a URL: the user's, and any in the query.
fn without_password(url: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let mut shown = match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((before, host))) => {
            match before[scheme.len() + "://".len()..].split_once(':') {
                Some((user, _)) => format!("{scheme}://{user}:***@{host}"),
                None => address.to_owned(),
            }
        }
        _ => address.to_owned(),
    };
    if let Some(query) = query {
        let masked = query.split('&').map(|pair| match pair.split_once('=') {
            Some(("password" | "sslpassword", _)) => "password=***",
            _ => pair,
        });
        shown = format!("{shown}?{}", masked.collect::<Vec<_>>().join("&"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_wherever_a_url_holds_them() {
        let cases = [
            ("postgres://u:p@h/d", "postgres://u:***@h/d"),
            ("postgres://u:p@ss@h/d", "postgres://u:***@h/d"),
            ("postgres://h/d?user=u&password=p", "postgres://h/d?user=u&password=***"),
            ("postgres://h/d", "postgres://h/d"),
            ("postgres://u@h/d", "postgres://u@h/d"),
        ];
        for (url, shown) in cases {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_key() {
        assert_eq!(nearest_key("gc.grcae"), Some("gc.grace"));
        assert_eq!(nearest_key("data-dir"), Some("data_dir"));
        assert_eq!(nearest_key("something.else"), None);
    }
}
