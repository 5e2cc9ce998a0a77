//! Each order against the tool that defines it: versions made up from a grammar, the same with a mistake in them, and
//! versions of real advisories. The made-up ones are the same in every run.

use std::cmp::Ordering;
use std::path::Path;

use plimsoll_peers::{find_peer, passed_over};
use plimsoll_vuln::Order;

mod judge;
mod maven;
mod pairs;
mod real_versions;

use judge::{Judge, Verdict};
use pairs::{Grammar, Pair};

/// Of a hundred pairs, this many must have been judged: a tool that refuses more tells too little.
const JUDGED_PERCENT_MIN: usize = 40;

#[test]
fn dpkg_agrees() {
    let Some(perl) = find_peer("perl") else { return };
    // Where nothing follows the epoch, dpkg refuses the version and its Perl library does not.
    let script = r#"chomp; my ($l, $r) = split /\t/; my $c = eval { version_compare($l, $r) };
        print defined $c && !/:(\t|$)/ ? "$c\n" : "!\n""#;
    let judge = Judge::new(&perl, ["-MDpkg::Version", "-ne", script]);
    if !judge.works() {
        return passed_over("perl has no `Dpkg::Version`");
    }
    let grammar = Grammar {
        whole: "([0-2]:)?[0-9]{1,2}([.+~-]?[a-zA-Z0-9~+]{1,3}){0,4}(-[0-9a-z.+~]{1,4})?",
        characters: "019.:~+-azAZ",
    };
    agree(Order::Dpkg, &judge, &pairs::make(&grammar, &real_versions::of("debian")));
}

#[test]
fn rpm_agrees() {
    let Some(rpm) = find_peer("rpm") else { return };
    let script = r#"%{lua: for line in io.lines() do
        local at = string.find(line, "\t", 1, true)
        print(rpm.vercmp(string.sub(line, 1, at - 1), string.sub(line, at + 1)) .. "\n")
    end}"#;
    let grammar = Grammar {
        whole: "([0-2]?:)?[0-9a-z]{1,3}([.+~^_]{0,2}([a-z]{1,3}|[0-9]{1,3})){0,5}(-[0-9a-z.+~^]{0,5})?",
        characters: "019.:~^_+-azA",
    };
    let pairs = pairs::make(&grammar, &real_versions::of("almalinux"));
    agree(Order::Rpm, &Judge::new(&rpm, ["--eval", script]), &pairs);
}

#[test]
fn node_semver_agrees() {
    let library = Path::new("/usr/share/nodejs/semver/functions");
    let Some(node) = find_peer("node") else { return };
    if !library.exists() {
        return passed_over("`node-semver` is not installed");
    }
    let script = r#"const parse = require("/usr/share/nodejs/semver/functions/parse");
        const compare = require("/usr/share/nodejs/semver/functions/compare");
        for (const line of require("fs").readFileSync(0, "utf8").trimEnd().split("\n")) {
            const [left, right] = line.split("\t").map((version) => parse(version));
            console.log(left && right ? compare(left, right) : "!");
        }"#;
    let grammar = Grammar {
        whole: r"v?[0-2]\.[0-9]{1,2}\.[0-9](-[0-9a-zA-Z-]{1,4}(\.(0|[1-9][0-9]{0,3}|[a-zA-Z-]{1,3})){0,3})?(\+[a-z0-9.]{1,4})?",
        characters: "019.+-azAZ",
    };
    let real = ["npm", "crates", "go"].map(real_versions::of).concat();
    agree(Order::SemVer, &Judge::new(&node, ["-e", script]), &pairs::make(&grammar, &real));
}

#[test]
fn python_packaging_agrees() {
    // Debian's Python has Debian's packages; another one that comes first on the path has not.
    let Some(python) = find_peer("/usr/bin/python3") else { return };
    let script = r#"
import sys
try:
    from pkg_resources.extern.packaging.version import LegacyVersion, parse
except ImportError:
    from packaging.version import parse
for line in sys.stdin:
    try:
        left, right = map(parse, line.rstrip("\n").split("\t"))
        print((left > right) - (left < right))
    except ValueError:
        print("!")
"#;
    let judge = Judge::new(&python, ["-W", "ignore", "-c", script]);
    if !judge.works() {
        return passed_over("Python has no `packaging`");
    }
    let grammar = Grammar {
        whole: "v?([0-2]!)?[0-9]{1,2}(\\.[0-9]{1,2}){0,3}([-_.]?(a|b|c|rc|alpha|BETA|pre|preview)[-_.]?[0-9]{0,2})?\
                ([-_.]?(post|rev|r)[-_.]?[0-9]{0,2}|-[0-9])?([-_.]?dev[0-9]{0,2})?(\\+[a-zA-Z0-9]{1,3}([-_.][a-z0-9]{1,2}){0,2})?",
        characters: "019.!+-_abcdevpost",
    };
    agree(Order::Pep440, &judge, &pairs::make(&grammar, &real_versions::of("pypi")));
}

#[test]
fn rubygems_agrees() {
    let Some(ruby) = find_peer("ruby") else { return };
    let script = r#"left, right = $_.chomp.split("\t").map { |version| Gem::Version.new(version) if Gem::Version.correct?(version) }
        puts left && right ? left <=> right : "!""#;
    let grammar = Grammar {
        whole: r"[0-9]{1,2}(\.([0-9]{1,2}|[a-zA-Z]{1,3}|0|a|0a1)){0,6}(-[0-9a-z]{1,3}(\.[0-9a-z]{1,2})?)?",
        characters: "019.-azAZ",
    };
    agree(Order::RubyGems, &Judge::new(&ruby, ["-ne", script]), &pairs::make(&grammar, &[]));
}

#[test]
fn composer_agrees() {
    let library = Path::new("/usr/share/php/Composer/Semver/autoload.php");
    let Some(php) = find_peer("php") else { return };
    if !library.exists() {
        return passed_over("`php-composer-semver` is not installed");
    }
    let script = r#"require "/usr/share/php/Composer/Semver/autoload.php";
        $parser = new Composer\Semver\VersionParser();
        while (($line = fgets(STDIN)) !== false) {
            try {
                [$left, $right] = array_map([$parser, "normalize"], explode("\t", rtrim($line, "\n")));
                $is_branch = str_starts_with($left, "dev-") || str_starts_with($right, "dev-");
                echo $is_branch ? "!" : version_compare($left, $right), "\n";
            } catch (UnexpectedValueException $e) {
                echo "!\n";
            }
        }"#;
    let grammar = Grammar {
        whole: r"v?([0-9]{1,2}(\.[0-9]{1,2}){0,3}|20[0-2][0-9]-?[01][0-9]-?[0-3][0-9](-[0-5][0-9])?)([._-]?(stable|beta|b|RC|alpha|a|patch|pl|p)([.-]?[0-9]{1,2}){0,2})?([.-]?dev)?|[0-9](\.[0-9]){0,2}\.[xX*]-dev",
        characters: "019.-_+@xbpdev",
    };
    let pairs = pairs::make(&grammar, &real_versions::of("packagist-drupal"));
    agree(Order::Composer, &Judge::new(&php, ["-r", script]), &pairs);
}

/// Every pair that the tool judges must be judged the same.
fn agree(order: Order, judge: &Judge<'_>, pairs: &[Pair]) {
    let verdicts = judge.verdicts(pairs);
    assert_judged(&verdicts);
    let wrong = disagreements(order, pairs, &verdicts);
    assert!(wrong.is_empty(), "{} of {}: {:#?}", wrong.len(), pairs.len(), &wrong[..wrong.len().min(20)]);
}

fn assert_judged(verdicts: &[Verdict]) {
    let judged = verdicts.iter().flatten().count();
    assert!(
        judged * 100 >= verdicts.len() * JUDGED_PERCENT_MIN,
        "{judged} of {} were judged",
        verdicts.len()
    );
}

/// A pair of versions that is judged differently.
#[derive(Debug)]
struct Disagreement<'a> {
    pair: &'a Pair,
    tool: Ordering,
    ours: Result<Ordering, String>,
}

fn disagreements<'a>(order: Order, pairs: &'a [Pair], verdicts: &[Verdict]) -> Vec<Disagreement<'a>> {
    let compare = |pair: &Pair| order.compare(&pair.0, &pair.1).map_err(|fault| fault.to_string());
    let judged = pairs.iter().zip(verdicts).filter_map(|(pair, verdict)| Some((pair, (*verdict)?)));
    judged
        .map(|(pair, tool)| Disagreement { pair, tool, ours: compare(pair) })
        .filter(|found| found.ours != Ok(found.tool))
        .collect()
}
