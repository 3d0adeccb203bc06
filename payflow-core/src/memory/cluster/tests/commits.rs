//! Commits that are late, lost or refused.

use std::time::Duration;

use super::one::{One, offsets, tokens};
use crate::consumer::Change;
use crate::memory::cluster::Committed;
use crate::memory::config::MemoryConfig;
use crate::memory::refusal::Refusal;

const SECONDS: u64 = 10;

#[test]
fn a_late_commit_sets_back_neither_the_offset_nor_what_finished_beyond_it() {
    let (mut one, member, tokens) = One::read(4);
    let first = one.finish_and_begin(member, &tokens[1..2]);
    let second = one.finish_and_begin(member, &tokens[2..3]);
    let third = one.finish_and_begin(member, &tokens[..1]);
    assert_eq!(one.end_commit(member, &second), Ok(()));
    let told = one.cluster.committed("g", &one.topic, 0).cloned();
    assert_eq!(one.end_commit(member, &first), Ok(()), "as much is durable");
    assert_eq!(one.cluster.committed("g", &one.topic, 0).cloned(), told);

    assert_eq!(one.end_commit(member, &third), Ok(()));
    assert_eq!(one.end_commit(member, &second), Ok(()));
    assert_eq!(one.committed(0), Some(3));
    assert_eq!(one.read_anew(member).1, [3]);
}

#[test]
fn a_commit_without_an_answer_is_durable_and_repeated() {
    let (mut one, member, tokens) = One::read(2);
    let unanswered = one.finish_and_begin(member, &tokens[..1]);
    one.cluster.end_commit_unanswered(member, &unanswered, one.now);
    assert_eq!(one.committed(0), Some(1));

    let repeat = one.cluster.begin_commit(member).unwrap();
    assert_eq!(repeat.parts.len(), 1, "the member does not know");
    assert_eq!(one.end_commit(member, &repeat), Ok(()));
    assert_eq!(one.cluster.begin_commit(member).unwrap().parts.len(), 0);
}

#[test]
fn a_commit_that_never_arrives_is_made_up_for_by_the_next() {
    let (mut one, member, tokens) = One::read(2);
    drop(one.finish_and_begin(member, &tokens[..1]));
    assert_eq!(one.committed(0), None);
    assert_eq!(one.commit(member), Ok(()));
    assert_eq!(one.committed(0), Some(1));
}

#[test]
fn a_commit_begun_before_a_rebalance_moves_nothing_back_after_it() {
    let (mut one, old, out) = One::read(3);
    let begun = one.finish_and_begin(old, &out[..1]);
    one.finish(old, &out[1..2]);
    let heir = one.join();
    assert!(one.cluster.expel(old, one.now));
    let inbound = one.receive(heir);
    assert_eq!(offsets(&inbound), [0, 1, 2], "nothing was committed in time");
    one.finish(heir, &tokens(&inbound));
    assert_eq!(one.commit(heir), Ok(()));

    assert_eq!(one.end_commit(old, &begun), Err(Refusal::IllegalGeneration));
    one.cluster.end_commit_unanswered(old, &begun, one.now);
    assert_eq!(one.committed(0), Some(3));
    one.cluster.leave(old, one.now);
    assert_eq!(one.end_commit(old, &begun), Err(Refusal::IllegalGeneration), "nobody knows the member");
}

#[test]
fn a_commit_begun_before_a_partition_was_let_go_changes_nothing_once_another_owns_it() {
    let mut one = One::new(MemoryConfig::new(), 2);
    one.send_all(6);
    let old = one.join();
    let inbound = one.receive(old);
    let moved: Vec<_> = inbound.deliveries.iter().filter(|delivery| delivery.partition == 0).collect();
    let stays: Vec<_> = inbound.deliveries.iter().filter(|delivery| delivery.partition == 1).collect();
    let begun = one.finish_and_begin(old, &[moved[0].token, stays[0].token]);
    let new = one.join();
    let told = one.receive(old);
    let [Change::Revoking { assignments, .. }] = &told.changes[..] else { panic!("{told:?}") };
    assert_eq!(assignments[0].partition, 0);
    one.finish(old, &[moved[1].token]);
    one.pass(5);

    let inbound = one.receive(new);
    assert_eq!(offsets(&inbound), [2], "what was finished is committed as it is let go");
    one.finish(new, &tokens(&inbound));
    assert_eq!(one.commit(new), Ok(()));
    assert_eq!(one.end_commit(old, &begun), Ok(()), "as much of it as is still owned");
    assert_eq!((one.committed(0), one.committed(1)), (Some(3), Some(1)));
}

#[test]
fn a_zombie_commits_nothing_is_told_so_and_starts_anew_when_it_comes_back() {
    let session = Duration::from_secs(SECONDS);
    let mut one = One::new(MemoryConfig::new().with_session_timeout(Some(session)), 1);
    one.send_all(2);
    let (zombie, heir) = (one.join(), one.join());
    let out = tokens(&one.receive(zombie));
    let begun = one.finish_and_begin(zombie, &out[..1]);
    one.pass(SECONDS / 2);
    let _ = one.receive(heir);
    one.pass(SECONDS / 2);

    assert_eq!(one.end_commit(zombie, &begun), Err(Refusal::IllegalGeneration));
    assert_eq!(offsets(&one.receive(heir)), [0, 1]);
    assert_eq!(one.commit(zombie), Err(Refusal::IllegalGeneration), "what it had finished is lost");
    one.finish(zombie, &out[1..]);
    assert_eq!(one.commit(zombie), Err(Refusal::IllegalGeneration), "and what it finished since");
    assert_eq!(one.committed(0), None);

    let told = one.receive(zombie);
    assert!(matches!(told.changes[..], [Change::Lost(_)]), "{told:?}");
    one.finish(zombie, &out);
    assert_eq!(one.commit(zombie), Ok(()), "it knows by now: these tokens are stale, and nothing is new");
    assert_eq!(one.committed(0), None);
    one.cluster.leave(heir, one.now);
    assert_eq!(offsets(&one.receive(zombie)), [0, 1]);
}

#[test]
fn a_zombie_that_nobody_missed_yet_goes_on_as_if_nothing_had_been() {
    let session = Duration::from_secs(SECONDS);
    let mut one = One::new(MemoryConfig::new().with_session_timeout(Some(session)), 1);
    one.send_all(1);
    let member = one.join();
    let out = tokens(&one.receive(member));
    // The session has run out, and it receives before the group looks.
    one.now += session;
    assert!(one.receive(member).is_empty());
    one.finish(member, &out);
    assert_eq!(one.commit(member), Ok(()));
    assert_eq!(one.committed(0), Some(1));
}

#[test]
fn expired_offsets_start_the_next_owner_at_the_oldest_record() {
    let (mut one, member, tokens) = One::read(3);
    one.finish(member, &tokens);
    assert_eq!(one.commit(member), Ok(()));
    let place = one.place(0);
    assert!(!one.cluster.expire_offsets("g", &place), "a member owns it");
    assert!(!one.cluster.expire_offsets("other", &place));
    one.cluster.leave(member, one.now);
    assert!(one.cluster.expire_offsets("g", &place));
    assert!(!one.cluster.expire_offsets("g", &place), "nothing is left to forget");

    assert_eq!(one.cluster.expire_log(&place, 1).len(), 1);
    let heir = one.join();
    assert_eq!(offsets(&one.receive(heir)), [1, 2]);
}

#[test]
fn an_offset_beyond_the_end_starts_at_the_oldest_record_and_is_committed_over() {
    for offset in [-1, 3, i64::MAX] {
        let mut one = One::new(MemoryConfig::new(), 1);
        one.send_all(2);
        let committed = Committed { offset, metadata: String::new() };
        assert!(one.cluster.commit_foreign("g", one.place(0), committed));
        let member = one.join();
        let inbound = one.receive(member);
        assert_eq!(offsets(&inbound), [0, 1], "committed to {offset}");
        one.finish(member, &tokens(&inbound)[..1]);
        assert_eq!(one.commit(member), Ok(()));
        assert_eq!(one.committed(0), Some(1));
    }
}
