//! What is made of several measurements.

/// The middle one of several measurements, or the mean of the two in the middle. `None` of none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *values.get(middle.checked_sub(1)?)?;
    Some(f64::midpoint(lower, upper))
}

/// The smallest and the largest. `None` of none.
pub(crate) fn range(values: impl IntoIterator<Item = f64>) -> Option<Range> {
    let mut values = values.into_iter();
    let first = values.next()?;
    let range = Range { least: first, most: first };
    Some(
        values
            .fold(range, |range, value| Range { least: range.least.min(value), most: range.most.max(value) }),
    )
}

/// How far measurements lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// Half, 99 % and 99.9 % of the measurements are not above these.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

/// Each of them is one of the measurements. `None` of none.
pub(crate) fn percentiles(values: impl IntoIterator<Item = f64>) -> Option<Percentiles> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let at =
        |per_mille: usize| values.get((values.len() * per_mille).div_ceil(1_000).checked_sub(1)?).copied();
    Some(Percentiles { p50: at(500)?, p99: at(990)?, p999: at(999)? })
}

/// What a program used in all, for so many messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) messages: u64,
    pub(crate) used: u64,
}

/// What one message takes: the difference of two totals, so that what the program needs to start and stop cancels out.
pub(crate) fn per_message(fewer: Total, more: Total) -> f64 {
    // Far below 2^53, from where on an f64 would round them.
    let used = more.used as f64 - fewer.used as f64;
    used / (more.messages as f64 - fewer.messages as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_whatever_the_order() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0]), Some(3.0));
        assert_eq!(median([9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }

    #[test]
    fn range_holds_the_least_and_the_most() {
        assert_eq!(range([]), None);
        assert_eq!(range([2.0, -1.0, 5.0]), Some(Range { least: -1.0, most: 5.0 }));
    }

    #[test]
    fn percentiles_are_measurements_that_so_many_are_not_above() {
        assert_eq!(percentiles([]), None);
        let of = |p50, p99, p999| Some(Percentiles { p50, p99, p999 });
        assert_eq!(percentiles([7.0]), of(7.0, 7.0, 7.0));
        assert_eq!(percentiles([2.0, 1.0]), of(1.0, 2.0, 2.0));
        assert_eq!(percentiles((1..=1_000).rev().map(f64::from)), of(500.0, 990.0, 999.0));
        assert_eq!(percentiles((1..=10_000).map(f64::from)), of(5_000.0, 9_900.0, 9_990.0));
    }

    #[test]
    fn what_does_not_grow_with_messages_cancels_out() {
        let total = |messages, used| Total { messages, used };
        assert_eq!(
            per_message(total(50_000, 1_000_000 + 50_000 * 7), total(150_000, 1_000_000 + 150_000 * 7)),
            7.0
        );
        assert_eq!(per_message(total(10, 100), total(20, 95)), -0.5);
    }
}
