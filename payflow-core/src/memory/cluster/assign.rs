//! Who is to own which partition.

use std::collections::BTreeMap;

use super::claim::Place;
use super::member::MemberId;
use crate::record::Topic;

/// Gives each partition to a member that subscribes to its topic, evenly: a member with two partitions more than another
/// would have passed one on, if the other may have it.
///
/// `wishes` are the partitions with whom to leave them, if that keeps it even. What it gives is parallel to them; `None`
/// where nobody subscribes. Equal inputs give equal outputs.
pub(super) fn assign(
    wishes: &[(&Place, Option<MemberId>)],
    subscribers: &BTreeMap<MemberId, &[Topic]>,
) -> Vec<Option<MemberId>> {
    let mut loads: BTreeMap<MemberId, usize> = subscribers.keys().map(|id| (*id, 0)).collect();
    let subscribes = |id: MemberId, place: &Place| {
        let topics = subscribers.get(&id);
        topics.is_some_and(|topics| topics.contains(&place.topic))
    };

    let mut owners: Vec<Option<MemberId>> =
        wishes.iter().map(|(place, wish)| wish.filter(|id| subscribes(*id, place))).collect();
    for id in owners.iter().flatten() {
        *loads.entry(*id).or_default() += 1;
    }

    // Each move lessens the sum of the squares of the loads, so this ends.
    let mut moved = true;
    while moved {
        moved = false;
        for (owner, (place, _)) in owners.iter_mut().zip(wishes) {
            let candidates = loads.iter().filter(|(id, _)| subscribes(**id, place));
            let Some((least, load)) =
                candidates.min_by_key(|(_, load)| **load).map(|(id, load)| (*id, *load))
            else {
                continue;
            };
            let owned = owner.and_then(|id| loads.get(&id).copied());
            if owned.is_none_or(|owned| load + 1 < owned) {
                if let Some(load) = owner.and_then(|id| loads.get_mut(&id)) {
                    *load -= 1;
                }
                *loads.entry(least).or_default() += 1;
                *owner = Some(least);
                moved = true;
            }
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(topic: &str, count: i32) -> Vec<Place> {
        let topic = Topic::parse(topic).unwrap();
        (0..count).map(|partition| Place { topic: topic.clone(), partition }).collect()
    }

    fn ids(owners: &[Option<MemberId>]) -> Vec<u64> {
        owners.iter().map(|owner| owner.unwrap().number()).collect()
    }

    #[test]
    fn from_nothing_it_goes_round() {
        let places = places("t", 5);
        let topics = [places[0].topic.clone()];
        let subscribers = [1, 2].map(|id| (MemberId::new(id), &topics[..])).into();
        let wishes: Vec<_> = places.iter().map(|place| (place, None)).collect();
        assert_eq!(ids(&assign(&wishes, &subscribers)), [1, 2, 1, 2, 1]);
    }

    #[test]
    fn only_what_must_moves() {
        let places = places("t", 4);
        let topics = [places[0].topic.clone()];
        let subscribers = [1, 2, 3].map(|id| (MemberId::new(id), &topics[..])).into();
        let before = [1, 1, 2, 2].map(MemberId::new);
        let wishes: Vec<_> = places.iter().zip(before.map(Some)).collect();
        let after = assign(&wishes, &subscribers);
        let moved = after.iter().zip(before).filter(|(after, before)| **after != Some(*before));
        assert_eq!(moved.count(), 1, "{after:?}");
    }

    #[test]
    fn nobody_is_given_what_it_does_not_subscribe_to() {
        let (ours, theirs) = (places("ours", 3), places("theirs", 1));
        let topics = [ours[0].topic.clone()];
        let subscribers = [(MemberId::new(1), &topics[..])].into();
        let wishes: Vec<_> =
            ours.iter().map(|place| (place, None)).chain([(&theirs[0], Some(MemberId::new(1)))]).collect();
        let owners = assign(&wishes, &subscribers);
        assert_eq!(ids(&owners[..3]), [1, 1, 1]);
        assert_eq!(owners[3], None);
    }
}
