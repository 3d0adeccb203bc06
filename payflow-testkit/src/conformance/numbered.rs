//! Records that carry a number, and the accounts of which numbers came.

use std::collections::{BTreeMap, BTreeSet};

use payflow_core::{Delivery, Record, Topic};

use super::violation::{Violation, label};

/// The record of a number; `keys` keys take turns.
pub(crate) fn numbered(topic: &Topic, number: usize, keys: usize) -> Record {
    Record::new(topic.clone(), format!("record {number}")).with_key(format!("key-{}", number % keys.max(1)))
}

/// The number a delivery carries.
///
/// # Errors
/// It is none of this case's records.
pub(crate) fn number(delivery: &Delivery) -> Result<usize, Violation> {
    let text = delivery.value().and_then(|value| std::str::from_utf8(value).ok());
    let number = text.and_then(|text| text.strip_prefix("record ")?.parse().ok());
    number.ok_or_else(|| {
        let expected = "only records of this case on its own topic, their values unchanged";
        Violation::new(expected, "another one came").of(delivery)
    })
}

/// The numbers of these deliveries, in their order.
pub(crate) fn numbers(deliveries: &[Delivery]) -> Result<Vec<usize>, Violation> {
    deliveries.iter().map(number).collect()
}

/// Exactly these numbers came, each once, in any order.
pub(crate) fn each_once(
    deliveries: &[Delivery],
    expected: impl IntoIterator<Item = usize>,
) -> Result<(), Violation> {
    let expected: BTreeSet<usize> = expected.into_iter().collect();
    let mut came: BTreeMap<usize, &Delivery> = BTreeMap::new();
    for delivery in deliveries {
        let number = number(delivery)?;
        if let Some(first) = came.insert(number, delivery) {
            let happened = format!("it came twice, first as {}", label(first));
            return Err(Violation::new(format!("record {number} once"), happened).of(delivery));
        }
        if !expected.contains(&number) {
            let happened = format!("record {number} came, which was not owed");
            return Err(Violation::new(format!("the records {}", listed(&expected)), happened).of(delivery));
        }
    }
    let missing: BTreeSet<usize> =
        expected.iter().copied().filter(|number| !came.contains_key(number)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let happened = format!("these did not come: {}", listed(&missing));
    Err(Violation::new(format!("the records {}", listed(&expected)), happened))
}

/// Exactly these numbers came, each once, in this order.
pub(crate) fn in_order(
    deliveries: &[Delivery],
    expected: impl IntoIterator<Item = usize>,
) -> Result<(), Violation> {
    let expected: Vec<usize> = expected.into_iter().collect();
    each_once(deliveries, expected.iter().copied())?;
    for (delivery, owed) in deliveries.iter().zip(expected) {
        let number = number(delivery)?;
        if number != owed {
            let happened = format!("record {number} came in its place");
            return Err(Violation::new(format!("record {owed} next"), happened).of(delivery));
        }
    }
    Ok(())
}

/// Within each key the numbers rise.
pub(crate) fn keys_in_order(deliveries: &[Delivery]) -> Result<(), Violation> {
    let mut last: BTreeMap<&[u8], usize> = BTreeMap::new();
    for delivery in deliveries {
        let number = number(delivery)?;
        let key = delivery.key().unwrap_or_default();
        if let Some(before) = last.insert(key, number)
            && before >= number
        {
            let happened = format!("record {number} came after record {before} of the same key");
            return Err(
                Violation::new("the records of a key in the order of their sends", happened).of(delivery)
            );
        }
    }
    Ok(())
}

/// Numbers for a message, runs drawn together: `0..=4, 7`.
pub(crate) fn listed(numbers: &BTreeSet<usize>) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for number in numbers.iter().copied() {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let shown = runs
        .into_iter()
        .map(|(first, last)| if first == last { format!("{first}") } else { format!("{first}..={last}") });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_numbers_are_drawn_together() {
        assert_eq!(listed(&BTreeSet::from([0, 1, 2, 4, 6, 7])), "0..=2, 4, 6..=7");
        assert_eq!(listed(&BTreeSet::new()), "none");
    }
}
