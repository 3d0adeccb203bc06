//! The hash that names lanes.

use std::fmt;
use std::hash::Hasher;

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;

/// A fast hash with a secret. Keys are chosen by others, who could otherwise send many that fall together; they see no hash, and
/// when a record is handled tells them next to nothing of one.
#[derive(Clone)]
pub(super) struct LaneHash {
    own_secret: u64,
    secret: SharedSeed,
}

impl LaneHash {
    pub(super) const fn keyed(secret: (u64, u64)) -> Self {
        Self { own_secret: secret.0, secret: SharedSeed::from_u64(secret.1) }
    }

    #[inline]
    pub(super) fn of(&self, bytes: &[u8]) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.own_secret, &self.secret);
        hasher.write(bytes);
        hasher.finish()
    }
}

impl fmt::Debug for LaneHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneHash").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_secret_is_a_hash_of_its_own() {
        for secret in [(1, 2), (1, 3), (2, 2)] {
            let hash = LaneHash::keyed(secret);
            assert_eq!(hash.of(b"u0000001"), LaneHash::keyed(secret).of(b"u0000001"));
            assert_ne!(hash.of(b"u0000001"), LaneHash::keyed((0, 0)).of(b"u0000001"));
        }
    }

    #[test]
    fn keys_alike_fall_apart_in_all_bits() {
        let hash = LaneHash::keyed((3, 5));
        let hashes: Vec<u64> = (0..4_096).map(|number| hash.of(format!("u{number:07}").as_bytes())).collect();
        for shift in [0, 20, 52] {
            let places: HashSet<u64> = hashes.iter().map(|hash| (hash >> shift) & 0xfff).collect();
            // By chance it is 2,589 of 4,096.
            assert!((2_400..2_800).contains(&places.len()), "{} at {shift}", places.len());
        }
    }
}
