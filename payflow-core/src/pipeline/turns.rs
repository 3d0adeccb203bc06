//! Whose turn it is, where lanes wait and something has just come. Pure.

/// Lanes and what has just come take turns. Else a key that comes later would wait until no lane waits any more, which may be
/// for all that is held.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// What has just come is next.
    letters: bool,
}

impl Turns {
    /// Whether the next to start is of a lane that waits. `letters`: something else has just come.
    #[inline]
    pub(super) const fn is_lanes(&mut self, letters: bool) -> bool {
        let lanes = !(letters && self.letters);
        self.letters = lanes;
        lanes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_turn_is_for_what_has_just_come_if_anything_has() {
        let mut turns = Turns::default();
        let mut had = |letters| turns.is_lanes(letters);
        assert_eq!([true; 4].map(&mut had), [true, false, true, false]);
        assert_eq!([false; 3].map(&mut had), [true; 3]);
        assert!(!had(true), "lanes had the turns before");
    }
}
