use super::super::estimate::is_build_tool;

/// The libraries behind packages with headers, as Debian 12 calls them.
const LIBRARIES: &[(&str, &str)] = &[
    ("default-libmysqlclient-dev", "libmariadb3"),
    ("libbz2-dev", "libbz2-1.0"),
    ("libcurl4-openssl-dev", "libcurl4"),
    ("libevent-dev", "libevent-2.1-7"),
    ("libffi-dev", "libffi8"),
    ("libjpeg-dev", "libjpeg62-turbo"),
    ("liblzma-dev", "liblzma5"),
    ("libncurses-dev", "libncursesw6"),
    ("libpcre2-dev", "libpcre2-8-0"),
    ("libpng-dev", "libpng16-16"),
    ("libpq-dev", "libpq5"),
    ("libreadline-dev", "libreadline8"),
    ("libsqlite3-dev", "libsqlite3-0"),
    ("libssl-dev", "libssl3"),
    ("libuv1-dev", "libuv1"),
    ("libxml2-dev", "libxml2"),
    ("libyaml-dev", "libyaml-0-2"),
    ("libzstd-dev", "libzstd1"),
    ("zlib1g-dev", "zlib1g"),
];

/// Packages with headers of what every Debian image has.
const ALWAYS_THERE: &[&str] = &["libc-dev", "libc6-dev", "linux-libc-dev", "libstdc++-12-dev"];

/// The step that installs what the image needs of the packages that the build installs. What it needs is a guess by names,
/// and the step says so.
pub(super) fn install(packages: &[String]) -> Option<String> {
    let mut needed: Vec<&str> = Vec::new();
    let mut unknown: Vec<&str> = Vec::new();
    for package in packages.iter().map(String::as_str) {
        let library = LIBRARIES.iter().find(|(headers, _)| *headers == package).map(|(_, library)| *library);
        let is_headers = package.ends_with("-dev") && !ALWAYS_THERE.contains(&package);
        match library {
            Some(library) => needed.push(library),
            None if is_headers => unknown.push(package),
            None if is_build_tool(package) || is_fetcher(package) || ALWAYS_THERE.contains(&package) => {}
            None => needed.push(package),
        }
    }
    needed.sort_unstable();
    needed.dedup();
    let mut text = String::new();
    if !unknown.is_empty() {
        text.push_str(&format!(
            "# Name the libraries of {} here, if the program needs them.\n",
            unknown.join(", ")
        ));
    }
    if !needed.is_empty() {
        text.push_str("# Guessed from what the build installs: leave out what the program does not need.\n");
        text.push_str(&format!(
            "RUN apt-get update && apt-get install -y --no-install-recommends {} && rm -rf /var/lib/apt/lists/*\n",
            needed.join(" ")
        ));
    }
    (!text.is_empty()).then_some(text)
}

/// Programs that bring sources, which a build does and an image seldom.
fn is_fetcher(package: &str) -> bool {
    matches!(package, "curl" | "wget" | "git" | "unzip" | "xz-utils" | "gnupg" | "file" | "patch")
}
