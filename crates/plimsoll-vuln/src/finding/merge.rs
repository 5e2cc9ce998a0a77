//! Which records speak of the same vulnerability.
//!
//! `aliases` name the same vulnerability, in both directions. `upstream` names those that a record covers: it goes one
//! way, and several of them are not each other's aliases (OSV schema, `upstream` field). So one record of a
//! distribution that covers five CVEs is five findings, and five databases that name one CVE are one.

use std::collections::HashMap;

/// What one record says of the component.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claim<'a> {
    pub(crate) id: &'a str,
    pub(crate) aliases: Vec<&'a str>,
    pub(crate) upstream: Vec<&'a str>,
}

/// A vulnerability, and the claims that speak of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Group<'a> {
    /// Its ids in the order of their coming.
    pub(crate) ids: Vec<&'a str>,
    /// The positions of the claims, without repetition.
    pub(crate) claims: Vec<usize>,
}

impl<'a> Group<'a> {
    /// The CVE, if it is exactly one; else the id of the first record that speaks of this vulnerability alone.
    pub(crate) fn primary(&self, claims: &[Claim<'a>]) -> &'a str {
        let mut cves = self.ids.iter().filter(|id| is_cve(id));
        let records = self.claims.iter().filter_map(|index| claims.get(*index)).map(|claim| claim.id);
        let mut own_records = records.filter(|id| self.ids.contains(id));
        match (cves.next(), cves.next()) {
            (Some(cve), None) => cve,
            _ => own_records.next().or(self.ids.first().copied()).unwrap_or_default(),
        }
    }

    fn absorb(&mut self, other: Self) {
        for id in other.ids {
            if !self.ids.contains(&id) {
                self.ids.push(id);
            }
        }
        for claim in other.claims {
            if !self.claims.contains(&claim) {
                self.claims.push(claim);
            }
        }
    }
}

/// Joins the claims to vulnerabilities.
pub(crate) fn merge<'a>(claims: &[Claim<'a>]) -> Vec<Group<'a>> {
    let mut groups = Vec::new();
    let mut group_of = HashMap::new();
    for (index, claim) in claims.iter().enumerate() {
        for ids in vulnerabilities(claim) {
            let joined = Group { ids, claims: vec![index] };
            join(joined, &mut groups, &mut group_of);
        }
    }
    groups.retain(|group| !group.claims.is_empty());
    groups
}

/// Puts a group with all that share an id with it, in the place of the first of them.
fn join<'a>(mut joined: Group<'a>, groups: &mut Vec<Group<'a>>, group_of: &mut HashMap<&'a str, usize>) {
    let mut known: Vec<usize> = joined.ids.iter().filter_map(|id| group_of.get(id).copied()).collect();
    known.sort_unstable();
    known.dedup();
    let mut whole = Group::default();
    for place in &known {
        whole.absorb(groups.get_mut(*place).map(std::mem::take).unwrap_or_default());
    }
    whole.absorb(std::mem::take(&mut joined));
    let home = known.first().copied().unwrap_or(groups.len());
    group_of.extend(whole.ids.iter().map(|id| (*id, home)));
    match groups.get_mut(home) {
        Some(place) => *place = whole,
        None => groups.push(whole),
    }
}

/// The vulnerabilities of one record, each with the ids that are certainly its own.
fn vulnerabilities<'a>(claim: &Claim<'a>) -> Vec<Vec<&'a str>> {
    let mut covered: Vec<Vec<&'a str>> = Vec::new();
    let mut unclear = Vec::new();
    for id in &claim.upstream {
        match cve_of(id) {
            Some(cve) => match covered.iter_mut().find(|ids| ids.contains(&cve)) {
                Some(ids) => ids.push(id),
                None => covered.push(with_cve(id)),
            },
            None => unclear.push(*id),
        }
    }
    match covered.as_mut_slice() {
        [] if unclear.len() > 1 => unclear.into_iter().map(|id| vec![id]).collect(),
        [] => vec![own_ids(claim, &unclear)],
        // What else stands beside a single CVE is another database's name for it.
        [only] => {
            only.extend(unclear);
            only.extend(&claim.aliases);
            if cve_of(claim.id).is_some() {
                only.push(claim.id);
            }
            covered
        }
        _ => covered,
    }
}

/// The ids of a record that speaks of one vulnerability, and names it itself.
fn own_ids<'a>(claim: &Claim<'a>, upstream: &[&'a str]) -> Vec<&'a str> {
    let all = [&claim.id].into_iter().chain(&claim.aliases).chain(upstream);
    all.flat_map(|id| with_cve(id)).collect()
}

/// An id and the CVE that stands in it: `UBUNTU-CVE-2024-6387` is Ubuntu's record of that CVE.
fn with_cve(id: &str) -> Vec<&str> {
    match cve_of(id) {
        Some(cve) if cve != id => vec![cve, id],
        _ => vec![id],
    }
}

/// The CVE that an id is, or ends in.
fn cve_of(id: &str) -> Option<&str> {
    let start = id.find("CVE-")?;
    id.get(start..).filter(|rest| is_cve(rest))
}

/// Whether an id is a CVE: year and number, and nothing else. Feeds hold ids that only look alike.
pub(crate) fn is_cve(id: &str) -> bool {
    let Some((year, number)) = id.strip_prefix("CVE-").and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    year.len() == 4 && number.len() >= 4 && is_number(year) && is_number(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim<'a>(id: &'a str, aliases: &[&'a str], upstream: &[&'a str]) -> Claim<'a> {
        Claim { id, aliases: aliases.to_vec(), upstream: upstream.to_vec() }
    }

    /// Primary id and records of each vulnerability.
    fn told<'a>(claims: &[Claim<'a>]) -> Vec<(&'a str, Vec<&'a str>)> {
        let records = |group: &Group<'a>| group.claims.iter().map(|index| claims[*index].id).collect();
        merge(claims).iter().map(|group| (group.primary(claims), records(group))).collect()
    }

    #[test]
    fn databases_that_name_one_cve_are_one_vulnerability() {
        let claims = [
            claim("PYSEC-2018-28", &["CVE-2018-18074", "GHSA-x84v-xcm2-53pg"], &[]),
            claim("GHSA-x84v-xcm2-53pg", &["CVE-2018-18074"], &[]),
        ];
        assert_eq!(told(&claims), [("CVE-2018-18074", vec!["PYSEC-2018-28", "GHSA-x84v-xcm2-53pg"])]);
        assert_eq!(merge(&claims)[0].ids, ["PYSEC-2018-28", "CVE-2018-18074", "GHSA-x84v-xcm2-53pg"]);
    }

    #[test]
    fn an_advisory_that_covers_several_cves_is_a_finding_for_each() {
        let claims = [
            claim("DSA-4963-1", &[], &["CVE-2021-3711", "CVE-2021-3712"]),
            claim("DSA-5103-1", &[], &["CVE-2021-3712", "CVE-2022-0778"]),
        ];
        assert_eq!(
            told(&claims),
            [
                ("CVE-2021-3711", vec!["DSA-4963-1"]),
                ("CVE-2021-3712", vec!["DSA-4963-1", "DSA-5103-1"]),
                ("CVE-2022-0778", vec!["DSA-5103-1"]),
            ]
        );
        assert!(
            merge(&claims).iter().all(|group| group.ids.len() == 1),
            "the advisory's id is not the CVE's"
        );
    }

    #[test]
    fn a_distributions_record_of_a_cve_is_that_cve() {
        let claims = [
            claim(
                "USN-6859-1",
                &[],
                &["CVE-2024-6387", "UBUNTU-CVE-2024-6387", "CVE-2024-1111", "UBUNTU-CVE-2024-1111"],
            ),
            claim("UBUNTU-CVE-2024-6387", &[], &["CVE-2024-6387"]),
        ];
        assert_eq!(
            told(&claims),
            [
                ("CVE-2024-6387", vec!["USN-6859-1", "UBUNTU-CVE-2024-6387"]),
                ("CVE-2024-1111", vec!["USN-6859-1"])
            ]
        );
        assert_eq!(merge(&claims)[0].ids, ["CVE-2024-6387", "UBUNTU-CVE-2024-6387"]);
    }

    #[test]
    fn a_later_record_joins_what_was_apart() {
        let claims = [claim("A-1", &[], &[]), claim("B-1", &[], &[]), claim("C-1", &["A-1", "B-1"], &[])];
        assert_eq!(told(&claims), [("A-1", vec!["A-1", "B-1", "C-1"])]);
        let again = [claims[0].clone(), claims[1].clone(), claims[2].clone(), claim("D-1", &["B-1"], &[])];
        assert_eq!(told(&again), [("A-1", vec!["A-1", "B-1", "C-1", "D-1"])]);
    }

    #[test]
    fn a_record_without_a_cve_or_with_two_keeps_the_publishers_id() {
        let claims = [
            claim("RUSTSEC-2020-0071", &["GHSA-1"], &[]),
            claim("GHSA-2", &["CVE-2020-1111", "CVE-2020-2222"], &[]),
        ];
        assert_eq!(
            told(&claims),
            [("RUSTSEC-2020-0071", vec!["RUSTSEC-2020-0071"]), ("GHSA-2", vec!["GHSA-2"])]
        );
    }

    #[test]
    fn upstream_ids_without_a_cve_are_vulnerabilities_of_their_own() {
        let claims = [claim("CGA-1", &[], &["GHSA-1", "GHSA-2"]), claim("CGA-2", &[], &["GHSA-2"])];
        assert_eq!(told(&claims), [("GHSA-1", vec!["CGA-1"]), ("CGA-2", vec!["CGA-1", "CGA-2"])]);
        assert_eq!(merge(&claims)[1].ids, ["GHSA-2", "CGA-2"]);
    }

    #[test]
    fn what_only_looks_like_a_cve_is_none() {
        for (id, expected) in [
            ("CVE-2021-44228", true),
            ("CVE-2007-01-09", false),
            ("CVE-21-44228", false),
            ("CVE-2021-1", false),
            ("cve-2021-4422", false),
        ] {
            assert_eq!(is_cve(id), expected, "{id}");
        }
    }
}
