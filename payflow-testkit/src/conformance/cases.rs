//! The cases, each a function over a harness.

mod acknowledging;
mod closing;
mod committing;
mod ends;
mod groups;
mod handover;
mod members;
mod notifying;
mod order;
mod payload;
mod progress;
mod receiving;
mod remembering;
mod room;
mod sending;
mod tokens;

pub use acknowledging::{
    committed_does_not_come_again, finishing_out_of_order_keeps_the_gap, given_up_comes_again,
    partitions_are_accounted_for_apart, unacknowledged_comes_again, uncommitted_is_not_lost,
};
pub use closing::{
    clients_outlive_an_interruption, closing_loses_nothing_and_leaves_the_group,
    closing_while_receiving_leaves_the_group, giving_up_often_loses_nothing,
    reopening_goes_on_where_it_left_off,
};
pub use committing::{
    a_later_commit_adds_to_the_first, an_idle_commit_succeeds, receiving_goes_on_while_a_commit_runs,
};
pub use ends::{
    a_committed_partition_tells_its_end, a_partition_that_comes_back_tells_its_end,
    an_empty_partition_tells_its_end,
};
pub use groups::{a_new_group_sees_old_records, groups_each_see_everything, topics_are_apart};
pub use members::{
    a_revoking_partition_goes_at_its_deadline, a_revoking_partition_waits_for_its_last_token,
    a_slow_handler_keeps_membership, a_stale_token_is_ignored, a_standby_takes_over, a_survivor_takes_over,
    members_closing_together_lose_nothing, members_share_the_partitions,
};
pub use notifying::{
    a_cancelled_notify_does_no_harm, a_failed_notification_can_be_sent_again, a_notification_arrives_intact,
    a_repeat_arrives_once, a_repeat_is_taken, concurrent_notifications_all_arrive, sent_means_taken,
    the_id_travels_with_it,
};
pub use order::{
    a_key_has_one_partition, concurrent_sends_all_arrive, send_all_keeps_the_order_of_a_key,
    sends_of_a_key_keep_their_order,
};
pub use payload::{
    absent_is_not_empty, any_bytes_are_kept, headers_are_kept, large_values_are_kept, round_trip,
    timestamps_are_kept,
};
pub use progress::progress_tells_watermark_and_end;
pub use receiving::{
    a_cancelled_receive_loses_nothing, a_finite_source_ends, a_waiting_consumer_gets_new_records,
    an_idle_receive_waits, changes_come_before_deliveries, receive_only_adds, the_end_of_a_partition_is_told,
};
pub use remembering::{
    a_later_owner_remembers_too, giving_up_is_not_finishing, what_finished_out_of_order_is_handed_over,
    what_finished_out_of_order_is_remembered,
};
pub use room::{a_giant_passes_alone, changes_need_no_room, room_bounds_bytes, room_bounds_records};
pub use sending::{
    a_cancelled_send_does_no_harm, a_resolved_send_is_durable, an_oversized_record_fails_alone,
    an_unknown_topic_fails_alone, flush_waits_for_every_send, results_stand_in_the_order_of_their_records,
};
pub use tokens::every_token_comes_back_once;
