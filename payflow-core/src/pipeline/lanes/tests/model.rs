//! The lanes against the same by their definition: a queue for each key.

use proptest::prelude::*;

use super::*;

/// Of which only heads are anything but queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    id: EntryId,
    offset: i64,
    bytes: usize,
    stage: Stage,
}

#[derive(Debug)]
struct Model {
    order: Order,
    share: LaneShare,
    lanes: Vec<(Name, VecDeque<Held>)>,
    /// Offsets, in the order in which they became ready.
    ready: Vec<(Class, i64)>,
}

/// Slot and key; the offset too where every record is a lane of its own.
type Name = (u32, Option<&'static str>, Option<i64>);

impl Model {
    fn name(&self, slot: u32, key: Option<&'static str>, offset: i64) -> Name {
        match self.order {
            Order::ByKey => (slot, key, key.is_none().then_some(offset)),
            Order::ByPartition => (slot, None, None),
            Order::None => (slot, None, Some(offset)),
        }
    }

    fn lane(&mut self, name: Name) -> Option<&mut VecDeque<Held>> {
        self.lanes.iter_mut().find(|(other, _)| *other == name).map(|(_, lane)| lane)
    }

    /// The head of the lane, if that is full now.
    fn push(&mut self, name: Name, mut held: Held) -> Option<EntryId> {
        let ready = (Class::First, held.offset);
        if let Some(lane) = self.lane(name) {
            held.stage = Stage::Queued;
            lane.push_back(held);
        } else {
            if held.stage == Stage::Ready {
                self.ready.push(ready);
            }
            self.lanes.push((name, VecDeque::from([held])));
        }
        let lane = self.lane(name)?;
        let (head, records) = (lane[0].id, lane.len());
        let bytes: usize = lane.iter().map(|held| held.bytes).sum();
        let full = records > 1 && (records >= self.share.records || bytes >= self.share.bytes);
        (full && self.order == Order::ByKey).then_some(head)
    }

    fn start(&mut self, class: Class) -> Option<EntryId> {
        let at = self.ready.iter().position(|(other, _)| *other == class)?;
        let (_, offset) = self.ready.remove(at);
        let head = self.heads().find(|head| head.offset == offset).expect("what is ready is a head");
        head.stage = Stage::Running;
        Some(head.id)
    }

    fn wake(&mut self, id: EntryId, class: Class) {
        let head = self.heads().find(|head| head.id == id && head.stage != Stage::Ready);
        if let Some(head) = head {
            head.stage = Stage::Ready;
            let offset = head.offset;
            self.ready.push((class, offset));
        }
    }

    fn remove(&mut self, id: EntryId) -> i64 {
        let at = self.lanes.iter().position(|(_, lane)| lane[0].id == id).expect("it is a head");
        let gone = self.lanes[at].1.pop_front().expect("a lane is not empty");
        self.ready.retain(|(_, offset)| *offset != gone.offset);
        match self.lanes[at].1.front_mut() {
            Some(next) => {
                next.stage = Stage::Ready;
                self.ready.push((Class::First, next.offset));
            }
            None => drop(self.lanes.remove(at)),
        }
        gone.offset
    }

    /// What is taken, and what runs on.
    fn take_unstarted(&mut self, slot: Option<u32>) -> (Vec<i64>, Vec<EntryId>) {
        let (mut taken, mut running) = (Vec::new(), Vec::new());
        for ((of, ..), lane) in &mut self.lanes {
            if slot.is_some_and(|slot| slot != *of) {
                continue;
            }
            let runs = lane[0].stage == Stage::Running;
            running.extend(runs.then_some(lane[0].id));
            taken.extend(lane.split_off(usize::from(runs)).iter().map(|held| held.offset));
        }
        self.ready.retain(|(_, offset)| !taken.contains(offset));
        self.lanes.retain(|(_, lane)| !lane.is_empty());
        (taken, running)
    }

    fn heads(&mut self) -> impl Iterator<Item = &mut Held> {
        self.lanes.iter_mut().filter_map(|(_, lane)| lane.front_mut())
    }

    fn len(&self) -> usize {
        self.lanes.iter().map(|(_, lane)| lane.len()).sum()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Push { slot: u32, key: Option<&'static str>, bytes: usize, directly: bool },
    Start { class: Class },
    Park { head: usize },
    StartParked { head: usize },
    Wake { head: usize, class: Class },
    Remove { head: usize },
    Take { slot: Option<u32> },
    Stale { gone: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let class = || prop::sample::select(vec![Class::First, Class::Again]);
    let key = prop::sample::select(vec![None, Some(""), Some("a"), Some("b"), Some("c")]);
    let push = (0..3_u32, key, prop::sample::select(vec![0, 10, 200]), any::<bool>());
    prop_oneof![
        12 => push.prop_map(|(slot, key, bytes, directly)| Step::Push { slot, key, bytes, directly }),
        8 => class().prop_map(|class| Step::Start { class }),
        4 => any::<usize>().prop_map(|head| Step::Park { head }),
        1 => any::<usize>().prop_map(|head| Step::StartParked { head }),
        4 => (any::<usize>(), class()).prop_map(|(head, class)| Step::Wake { head, class }),
        8 => any::<usize>().prop_map(|head| Step::Remove { head }),
        1 => prop::option::weighted(0.8, 0..3_u32).prop_map(|slot| Step::Take { slot }),
        2 => any::<usize>().prop_map(|gone| Step::Stale { gone }),
    ]
}

/// The same done to both.
struct Pair {
    lanes: Lanes<()>,
    model: Model,
    next: i64,
    gone: Vec<EntryId>,
}

impl Pair {
    fn new(order: Order, share: LaneShare) -> Self {
        let model = Model { order, share, lanes: Vec::new(), ready: Vec::new() };
        Self { lanes: Lanes::new(order, share), model, next: 0, gone: Vec::new() }
    }

    fn push(&mut self, slot: u32, key: Option<&'static str>, bytes: usize, directly: bool) {
        let offset = self.next;
        self.next += 1;
        let Routed { hash, delivery } = routed(slot, key, offset);
        let delivery = with_value(&delivery, Some(&vec![0; bytes]));
        let size = delivery.size_bytes();
        let routed = Routed { hash, delivery };
        let name = self.model.name(slot, key, offset);
        let held = |id, stage| Held { id, offset, bytes: size, stage };

        if directly {
            assert_eq!(self.lanes.lane_of(&routed).is_some(), self.model.lane(name).is_some(), "{name:?}");
            if self.lanes.lane_of(&routed).is_none() {
                let id = self.lanes.enter(Direct::new(routed), (), Instant::now());
                assert_eq!(self.model.push(name, held(id, Stage::Running)), None);
                return;
            }
        }
        let full = self.lanes.push(self.lanes.lane_of(&routed), routed, (), Instant::now());
        // Nothing tells the id of what is queued: it is the one with this offset.
        let entry = self.lanes.entries.iter().find(|(_, entry)| entry.delivery().offset == offset);
        let id = self.lanes.id(entry.expect("it was pushed").0);
        assert_eq!(full, self.model.push(name, held(id, Stage::Ready)));
        assert!(full.is_none_or(|head| self.lanes.has_full_lane(head)));
    }

    /// One of the heads in these stages.
    fn head(&mut self, number: usize, stages: &[Stage]) -> Option<EntryId> {
        let heads = self.model.heads().filter(|head| stages.contains(&head.stage));
        let heads: Vec<EntryId> = heads.map(|head| head.id).collect();
        (!heads.is_empty()).then(|| heads[number % heads.len()])
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Push { slot, key, bytes, directly } => self.push(slot, key, bytes, directly),
            Step::Start { class } => assert_eq!(self.lanes.start(class), self.model.start(class)),
            Step::Park { head } => {
                if let Some(id) = self.head(head, &[Stage::Running]) {
                    self.lanes.park(id);
                    self.model
                        .heads()
                        .filter(|head| head.id == id)
                        .for_each(|head| head.stage = Stage::Parked);
                }
            }
            Step::StartParked { head } => {
                if let Some(id) = self.head(head, &[Stage::Ready, Stage::Running, Stage::Parked]) {
                    let started = self.lanes.start_parked(id);
                    let head = self.model.heads().find(|head| head.id == id && head.stage == Stage::Parked);
                    assert_eq!(started, head.map(|head| head.stage = Stage::Running).is_some());
                }
            }
            Step::Wake { head, class } => {
                if let Some(id) = self.head(head, &[Stage::Ready, Stage::Running, Stage::Parked]) {
                    self.lanes.wake(id, class);
                    self.model.wake(id, class);
                }
            }
            Step::Remove { head } => {
                if let Some(id) = self.head(head, &[Stage::Ready, Stage::Running, Stage::Parked]) {
                    let removed = self.lanes.remove(id).map(|(delivery, _)| delivery.offset);
                    assert_eq!(removed, Some(self.model.remove(id)));
                    self.gone.push(id);
                }
            }
            Step::Take { slot } => {
                let (mut taken, mut running) = (Vec::new(), Vec::new());
                let on_taken = |delivery: Arc<Delivery>| taken.push(delivery.offset);
                self.lanes.take_unstarted(slot, on_taken, |id, _| running.push(id));
                let (mut expected, mut on) = self.model.take_unstarted(slot);
                taken.sort_unstable();
                expected.sort_unstable();
                running.sort_unstable();
                on.sort_unstable();
                assert_eq!((taken, running), (expected, on));
            }
            Step::Stale { gone } => {
                if let Some(id) = self.gone.get(gone % self.gone.len().max(1)).copied() {
                    self.lanes.wake(id, Class::First);
                    self.lanes.park(id);
                    assert!(!self.lanes.start_parked(id) && !self.lanes.has_full_lane(id));
                    assert!(self.lanes.get(id).is_none() && self.lanes.remove(id).is_none());
                }
            }
        }
        assert_eq!(self.lanes.len(), self.model.len());
        let named = self.model.lanes.iter().filter(|((_, _, alone), _)| alone.is_none()).count();
        assert_eq!(self.lanes.heads.len(), named);
        for class in [Class::First, Class::Again] {
            let ready = self.model.ready.iter().any(|(other, _)| *other == class);
            assert!(!ready || self.lanes.has_ready(class));
        }
    }

    /// Everything that is left comes, each lane in its order, and leaves nothing behind.
    fn finish_all(&mut self) {
        while self.model.len() > 0 {
            for class in [Class::First, Class::Again] {
                self.take(&Step::Start { class });
            }
            if let Some(head) = self.head(0, &[Stage::Parked]) {
                self.lanes.wake(head, Class::Again);
                self.model.wake(head, Class::Again);
            }
            if let Some(head) = self.head(0, &[Stage::Running]) {
                assert_eq!(
                    self.lanes.remove(head).map(|(delivery, _)| delivery.offset),
                    Some(self.model.remove(head))
                );
            }
        }
        assert!(self.lanes.is_empty() && self.lanes.heads.is_empty());
        for class in [Class::First, Class::Again] {
            assert_eq!(self.lanes.start(class), None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn it_equals_a_queue_for_each_key(
        order in prop::sample::select(vec![Order::ByKey, Order::ByPartition, Order::None]),
        records in 2..6_usize,
        bytes in 50..800_usize,
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut pair = Pair::new(order, LaneShare { records, bytes });
        steps.iter().for_each(|step| pair.take(step));
        pair.finish_all();
    }
}
