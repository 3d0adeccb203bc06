//! The one list of cases: the constants and the test macros are both made from it, so none can be in one and not in
//! the other.

/// Hands the cases of `Producer` and `Consumer` to another macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __transport_cases {
    ($then:ident $($with:tt)*) => {
        $crate::$then! {
            { $($with)* }
            round_trip [] "a record is delivered as it was sent, where its receipt says that it stands",
            any_bytes_are_kept [] "keys and values are bytes: any of them, in any number from none on",
            large_values_are_kept [] "a value of 900 kB arrives whole",
            absent_is_not_empty [Absence] "absent values and keys arrive as absent, empty ones as empty",
            headers_are_kept [Headers] "headers arrive in order, with repeated names and absent values",
            timestamps_are_kept [Timestamps] "a record's time is delivered with it, to the millisecond",

            sends_of_a_key_keep_their_order [] "sends of one key keep their order if each waits for the one before",
            send_all_keeps_the_order_of_a_key [] "the records of one send_all that share a key keep their order",
            a_key_has_one_partition [Partitions] "equal keys go to one partition, whoever sends them",
            concurrent_sends_all_arrive [] "concurrent sends arrive once each, under receipts of their own",

            results_stand_in_the_order_of_their_records [] "send_all gives one result a record, in their order",
            a_resolved_send_is_durable [] "a send that has resolved survives its producer",
            flush_waits_for_every_send [] "flush resolves when every send that began before it is decided",
            a_cancelled_send_does_no_harm [] "a dropped send is written once at most, and the producer goes on",
            an_unknown_topic_fails_alone [RefusesUnknownTopics] "an unknown topic is permanent, for its record alone",
            an_oversized_record_fails_alone [RefusesOversized] "too large is permanent, for its record alone",

            unacknowledged_comes_again [] "what was not acknowledged is delivered again to the next owner",
            committed_does_not_come_again [] "what was finished and committed is not delivered again",
            uncommitted_is_not_lost [] "what was finished and not committed may come again, and nothing is lost",
            given_up_comes_again [] "what was given up comes again with the next assignment, and not before",
            finishing_out_of_order_keeps_the_gap [] "no commit passes the first delivery that is not finished",
            partitions_are_accounted_for_apart [Partitions] "what is out of one partition holds back no other",

            what_finished_out_of_order_is_remembered [RemembersFinished]
                "what was finished and committed does not come again, in whatever order it was finished",
            a_later_owner_remembers_too [RemembersFinished]
                "what was finished is remembered across owners that commit before it would have come to them",
            giving_up_is_not_finishing [RemembersFinished] "what was given up is not remembered as finished",
            what_finished_out_of_order_is_handed_over [RemembersFinished, Members, Partitions]
                "what was finished is remembered when its partition is let go at the deadline",

            an_idle_commit_succeeds [] "a commit with nothing new succeeds, at any time",
            a_later_commit_adds_to_the_first [] "each commit adds what was finished since the one before",
            receiving_goes_on_while_a_commit_runs [] "receiving and acknowledging go on while a commit runs",
            every_token_comes_back_once [] "over a whole run each record is finished, and nothing committed comes again",

            room_bounds_records [] "a receive hands over no more records than there is room for",
            room_bounds_bytes [] "a receive hands over no more bytes than there is room for",
            a_giant_passes_alone [] "a record larger than the room passes alone, and only if it may exceed",
            changes_need_no_room [] "without room changes are told all the same, and nothing is delivered",

            a_waiting_consumer_gets_new_records [] "what is sent while a consumer waits is delivered to it",
            an_idle_receive_waits [] "a receive waits while there is nothing to tell",
            receive_only_adds [] "receive adds to what it is given, and takes nothing out",
            a_cancelled_receive_loses_nothing [] "a dropped receive loses neither deliveries nor changes",
            changes_come_before_deliveries [] "a partition's assignment comes before its first delivery",
            the_end_of_a_partition_is_told [PartitionEnds] "a partition's end is told once all of it was delivered",
            an_empty_partition_tells_its_end [PartitionEnds] "the end of a partition with nothing in it is told",
            a_committed_partition_tells_its_end [PartitionEnds]
                "the end of a partition of which everything is committed is told",
            a_partition_that_comes_back_tells_its_end [PartitionEnds, Members, Partitions]
                "the end of a partition that comes back is told anew, behind what is left in it",
            progress_tells_watermark_and_end [TellsProgress]
                "how far a partition is, is told: to the first unfinished record, and in the end to its end",
            a_finite_source_ends [FiniteSource] "a source that has ended says so once all was delivered",

            members_share_the_partitions [Members, Partitions] "each record goes to one of the members",
            a_standby_takes_over [Members] "a member that waits takes over when the one before it is dropped",
            a_survivor_takes_over [Members, Partitions] "the others take over a dropped member's partitions",
            a_revoking_partition_waits_for_its_last_token [Members, Partitions]
                "a revoking partition is let go when its last token is back, and not before",
            a_revoking_partition_goes_at_its_deadline [Members, Partitions]
                "a revoking partition is let go at its deadline, whatever tokens are out",
            a_stale_token_is_ignored [Members, Partitions] "a token of a partition let go since changes nothing",
            a_slow_handler_keeps_membership [] "a member that holds deliveries for long keeps its assignment",
            members_closing_together_lose_nothing [Members, Partitions] "members that come and go lose nothing",

            groups_each_see_everything [Groups] "each group sees all of a topic",
            a_new_group_sees_old_records [Groups] "a group that has never committed begins at the oldest record",
            topics_are_apart [] "consumers of several topics each see their own records only",

            closing_while_receiving_leaves_the_group [] "a consumer dropped while it waits leaves its group",
            closing_loses_nothing_and_leaves_the_group []
                "what a closed consumer had not finished comes to the next, before a group could have missed it",
            reopening_goes_on_where_it_left_off [] "a consumer goes on where the one before it has committed",
            giving_up_often_loses_nothing [] "giving up everything, over and over, loses nothing",
            clients_outlive_an_interruption [Interruptions] "open clients go on after an interruption",
        }
    };
}

/// Hands the cases of `Notifier` to another macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __notifier_cases {
    ($then:ident $($with:tt)*) => {
        $crate::$then! {
            { $($with)* }
            a_notification_arrives_intact [] "payer and message arrive as they are, in any script",
            the_id_travels_with_it [NotificationIds] "the other side sees the notification's id",
            sent_means_taken [] "notify resolves when the other side has taken the notification, and not before",
            concurrent_notifications_all_arrive [] "concurrent notifications arrive once each",
            a_repeat_is_taken [] "the same notification may come again, and is not refused",
            a_repeat_arrives_once [Dedupes] "a repeat reaches nobody twice",
            a_failed_notification_can_be_sent_again [Refusals] "a refusal is a failure, after which it can be sent",
            a_cancelled_notify_does_no_harm [] "after a dropped notify the notifier goes on",
        }
    };
}

/// One test for each case.
#[doc(hidden)]
#[macro_export]
macro_rules! __case_tests {
    ({ $attributes:tt $name:ident, $cases:ident, $harness:expr }
        $($case:ident [$($need:ident),*] $proves:literal,)*) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $($crate::__case_test! { $attributes $case, $proves, $cases, $harness })*
        }
    };
}

/// One test.
#[doc(hidden)]
#[macro_export]
macro_rules! __case_test {
    ([$(#[$attribute:meta])*] $case:ident, $proves:literal, $cases:ident, $harness:expr) => {
        #[doc = $proves]
        #[test]
        $(#[$attribute])*
        fn $case() {
            $crate::conformance::check(
                $crate::conformance::$cases,
                stringify!($case),
                || ::std::boxed::Box::new($harness),
            );
        }
    };
}

/// The list as a constant of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __case_list {
    ({ $vis:vis const $name:ident: $harness:ty, $doc:literal } $($case:ident [$($need:ident),*] $proves:literal,)*) => {
        #[doc = $doc]
        $vis const $name: &[Case<$harness>] = &[$(
            Case::new(
                stringify!($case),
                $proves,
                &[$(Capability::$need),*],
                |harness| Box::pin(cases::$case(harness)),
            ),
        )*];
    };
}

/// Makes a module of tests, one for each case of [`Producer`](payflow_core::Producer) and
/// [`Consumer`](payflow_core::Consumer): its name, and an expression that makes a
/// [`Harness`](crate::conformance::Harness), evaluated anew for each test, on a tokio runtime. Attributes before the name
/// stand at each test: `#[ignore = "needs a broker"]`, for one.
///
/// ```
/// use payflow_testkit::{MemoryHarness, conformance};
///
/// conformance!(memory, MemoryHarness::new());
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance {
    ($(#[$attribute:meta])* $name:ident, $harness:expr $(,)?) => {
        $crate::__transport_cases!(__case_tests [$(#[$attribute])*] $name, CASES, $harness);
    };
}

/// Makes a module of tests, one for each case of [`Notifier`](payflow_core::Notifier): its name, and an expression that
/// makes a [`NotifierHarness`](crate::conformance::NotifierHarness), evaluated anew for each test, on a tokio runtime.
///
/// ```
/// use payflow_testkit::{MemoryNotifierHarness, notifier_conformance};
///
/// notifier_conformance!(memory, MemoryNotifierHarness::new());
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! notifier_conformance {
    ($(#[$attribute:meta])* $name:ident, $harness:expr $(,)?) => {
        $crate::__notifier_cases!(__case_tests [$(#[$attribute])*] $name, NOTIFIER_CASES, $harness);
    };
}
