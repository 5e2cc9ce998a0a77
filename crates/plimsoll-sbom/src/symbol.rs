//! The names of linked functions as numbers: what [`Component::symbols`](crate::Component::symbols) holds.
//!
//! A large Go program links a hundred thousand functions. Four bytes for each are kept, not its name: an advisory
//! names a handful, which are hashed the same way and looked up. Of 20,000 hashes a name that is not among them meets
//! one by chance once in 200,000 times, and then a finding stays that could have gone.

/// In [`Component::symbols`](crate::Component::symbols), alone: the functions are known, and none is the component's.
/// It is the hash of no text at all, which no name has.
pub const NOTHING_LINKED: u32 = OFFSET_BASIS;

const OFFSET_BASIS: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// The hash of a function of a package: 32-bit FNV-1a over `package.symbol`.
///
/// The package is its import path; the symbol is written as OSV's Go records write it: `Function` or `Type.Method`,
/// without the star of a pointer and without type parameters.
pub fn symbol_hash(package: &str, symbol: &str) -> u32 {
    fnv1a(fnv1a(package_hash(package), b"."), symbol.as_bytes())
}

/// The hash of a package of which at least one function is linked: 32-bit FNV-1a over its import path.
///
/// Advisories that name a package without functions are meant for all of it.
pub fn package_hash(package: &str) -> u32 {
    fnv1a(OFFSET_BASIS, package.as_bytes())
}

fn fnv1a(hash: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(package_hash(""), NOTHING_LINKED);
        assert_eq!(package_hash("a"), 0xe40c_292c);
        assert_eq!(package_hash("foobar"), 0xbf9c_f968);
    }

    #[test]
    fn a_symbol_hashes_as_package_dot_symbol() {
        assert_eq!(symbol_hash("net/http", "Client.Do"), package_hash("net/http.Client.Do"));
    }
}
