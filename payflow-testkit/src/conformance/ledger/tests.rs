use std::time::Duration;

use payflow_core::{Content, Headers};

use super::*;

const ROOMY: Room = Room { records: 10, bytes: 100, first_may_exceed: false };

fn topic() -> Topic {
    Topic::parse("t").unwrap()
}

fn assignment(slot: u32, generation: u32, partition: i32) -> Assignment {
    Assignment { slot, generation, topic: topic(), partition }
}

fn delivery(slot: u32, generation: u32, partition: i32, offset: i64) -> Delivery {
    Delivery {
        token: AckToken::new(slot, generation, offset),
        topic: topic(),
        partition,
        offset,
        timestamp_ms: None,
        content: Content::new(None, Some(b"0123456789"), &Headers::new()),
    }
}

fn assigned(slot: u32, generation: u32, partition: i32) -> Inbound {
    Inbound {
        changes: vec![Change::Assigned(vec![assignment(slot, generation, partition)])],
        ..Inbound::default()
    }
}

fn revoking(slot: u32, generation: u32, partition: i32, left: Duration) -> Inbound {
    let change = Change::Revoking {
        assignments: vec![assignment(slot, generation, partition)],
        until: Instant::now() + left,
    };
    Inbound { changes: vec![change], ..Inbound::default() }
}

fn lost(slot: u32, generation: u32, partition: i32) -> Inbound {
    Inbound {
        changes: vec![Change::Lost(vec![assignment(slot, generation, partition)])],
        ..Inbound::default()
    }
}

fn delivered(deliveries: impl IntoIterator<Item = Delivery>) -> Inbound {
    Inbound { deliveries: deliveries.into_iter().collect(), ..Inbound::default() }
}

fn ended(slot: u32, generation: u32, offset: i64) -> Inbound {
    let end = PartitionEnd { slot, generation, offset };
    Inbound { ends: vec![end], ..Inbound::default() }
}

/// What the last of these is found guilty of; all before it must be sound.
fn verdict(story: impl IntoIterator<Item = Inbound>) -> Result<(), String> {
    let mut ledger = Ledger::default();
    let mut story: Vec<Inbound> = story.into_iter().collect();
    let mut last = story.pop().unwrap();
    for mut inbound in story {
        ledger.absorb(&mut inbound, ROOMY).unwrap();
    }
    ledger.absorb(&mut last, ROOMY).map_err(|violation| violation.to_string())
}

#[test]
fn each_broken_rule_is_found() {
    let hour = Duration::from_secs(3_600);
    let source_ended = Inbound { ended: true, ..Inbound::default() };
    for (guilty_of, story) in [
        ("were assigned before", vec![delivered([delivery(0, 1, 0, 0)])]),
        ("were assigned before", vec![assigned(0, 2, 0), delivered([delivery(0, 1, 0, 0)])]),
        ("were assigned before", vec![assigned(0, 1, 0), delivered([delivery(0, 1, 3, 0)])]),
        ("were assigned before", vec![assigned(0, 1, 0), lost(0, 1, 0), delivered([delivery(0, 1, 0, 0)])]),
        (
            "a token of its own",
            vec![assigned(0, 1, 0), delivered([delivery(0, 1, 0, 5), delivery(0, 1, 0, 5)])],
        ),
        (
            "the order of the log",
            vec![assigned(0, 1, 0), delivered([delivery(0, 1, 0, 5)]), delivered([delivery(0, 1, 0, 4)])],
        ),
        ("a higher generation", vec![assigned(0, 1, 0), lost(0, 1, 0), assigned(0, 1, 0)]),
        ("assigned twice", vec![assigned(0, 1, 0), assigned(1, 2, 0)]),
        (
            "when its last token is back",
            vec![
                assigned(0, 1, 0),
                delivered([delivery(0, 1, 0, 0)]),
                revoking(0, 1, 0, hour),
                assigned(0, 2, 0),
            ],
        ),
        ("that are held", vec![lost(0, 1, 0)]),
        ("that are held", vec![assigned(0, 1, 0), revoking(0, 2, 0, hour)]),
        ("ends of partitions that are assigned", vec![ended(0, 1, 0)]),
        (
            "behind what was delivered",
            vec![assigned(0, 1, 0), delivered([delivery(0, 1, 0, 5)]), ended(0, 1, 5)],
        ),
        ("nothing after the end", vec![assigned(0, 1, 0), source_ended, delivered([delivery(0, 1, 0, 0)])]),
        (
            "at least one partition",
            vec![Inbound { changes: vec![Change::Lost(Vec::new())], ..Inbound::default() }],
        ),
        ("at most 10 records", vec![assigned(0, 1, 0), delivered((0..11).map(|at| delivery(0, 1, 0, at)))]),
    ] {
        let verdict = verdict(story);
        assert!(verdict.as_ref().is_err_and(|said| said.contains(guilty_of)), "{guilty_of}: {verdict:?}");
    }
}

#[test]
fn a_sound_story_is_taken() {
    let hour = Duration::from_secs(3_600);
    let mut ledger = Ledger::default();
    let first = delivery(0, 1, 0, 3);
    for mut inbound in
        [assigned(0, 1, 0), delivered([first.clone()]), ended(0, 1, 4), revoking(0, 1, 0, hour)]
    {
        ledger.absorb(&mut inbound, ROOMY).unwrap();
        assert!(inbound.is_empty());
    }
    assert_eq!((ledger.partitions(), ledger.revoking()), (vec![], vec![0]));

    ledger.returned(&[first]);
    ledger.absorb(&mut assigned(0, 2, 0), ROOMY).unwrap();
    ledger.absorb(&mut delivered([delivery(0, 2, 0, 3)]), ROOMY).unwrap();
    assert_eq!((ledger.partitions(), ledger.revoking()), (vec![0], vec![]));
    assert_eq!(ledger.out(), [delivery(0, 2, 0, 3)]);
}

#[test]
fn a_partition_may_come_back_after_its_deadline_with_tokens_out() {
    let story = [
        assigned(0, 1, 0),
        delivered([delivery(0, 1, 0, 0)]),
        revoking(0, 1, 0, Duration::ZERO),
        assigned(0, 2, 0),
    ];
    assert_eq!(verdict(story), Ok(()));
}
