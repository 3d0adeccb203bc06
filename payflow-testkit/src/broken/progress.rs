//! Flaws in what a consumer tells of how far it is.

use std::collections::BTreeMap;

use async_trait::async_trait;
use payflow_core::{AckToken, Consumer, PartitionProgress};

use super::flaw::{ConsumerFlaw, consumer};
use super::harness::BrokenHarness;
use super::{BrokenAdapter, Failing};

pub(super) const ADAPTERS: &[BrokenAdapter<BrokenHarness>] = &[
    BrokenAdapter::new(
        "it takes all that it handed over for done",
        &[Failing::new("progress_tells_watermark_and_end", "the first of two unfinished")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, TakesItForDone)),
    ),
    BrokenAdapter::new(
        "it counts what is finished, and not how far that goes without a gap",
        &[Failing::new("progress_tells_watermark_and_end", "the first of two unfinished")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, Counts::default())),
    ),
    BrokenAdapter::new(
        "it takes the watermark for the end",
        &[Failing::new("progress_tells_watermark_and_end", "an end beyond it")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, EndsAtTheWatermark)),
    ),
    BrokenAdapter::new(
        "it tells no progress",
        &[Failing::new("progress_tells_watermark_and_end", "no partition was told of")],
        || BrokenHarness::new().consumer(|sound| consumer(sound, TellsNothing)),
    ),
];

struct TakesItForDone;

#[async_trait]
impl ConsumerFlaw for TakesItForDone {
    fn progress(&self, sound: &dyn Consumer, into: &mut Vec<PartitionProgress>) {
        sound.progress(into);
        into.iter_mut().for_each(|told| told.watermark = told.end.unwrap_or(told.watermark));
    }
}

/// By slot.
#[derive(Default)]
struct Counts(BTreeMap<u32, i64>);

#[async_trait]
impl ConsumerFlaw for Counts {
    fn acknowledge(&mut self, sound: &mut dyn Consumer, finished: &[AckToken], given_up: &[AckToken]) {
        finished.iter().for_each(|token| *self.0.entry(token.slot()).or_default() += 1);
        sound.acknowledge(finished, given_up);
    }

    fn progress(&self, sound: &dyn Consumer, into: &mut Vec<PartitionProgress>) {
        sound.progress(into);
        into.iter_mut().zip(self.0.values()).for_each(|(told, finished)| told.watermark = *finished);
    }
}

struct EndsAtTheWatermark;

#[async_trait]
impl ConsumerFlaw for EndsAtTheWatermark {
    fn progress(&self, sound: &dyn Consumer, into: &mut Vec<PartitionProgress>) {
        sound.progress(into);
        into.iter_mut().for_each(|told| told.end = Some(told.watermark));
    }
}

struct TellsNothing;

#[async_trait]
impl ConsumerFlaw for TellsNothing {
    fn progress(&self, _sound: &dyn Consumer, _into: &mut Vec<PartitionProgress>) {}
}
