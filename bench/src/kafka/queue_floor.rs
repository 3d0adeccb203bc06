//! The floor of the way that payflow takes: librdkafka's batch call on one queue for all partitions.
//!
//! The one place here with unsafe code: the wrapper has no such call.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_void};
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use anyhow::bail;
use rdkafka::ClientContext;
use rdkafka::bindings::{
    rd_kafka_consume_batch_queue, rd_kafka_header_get_all, rd_kafka_message_destroy,
    rd_kafka_message_headers, rd_kafka_message_t, rd_kafka_queue_destroy, rd_kafka_queue_forward,
    rd_kafka_queue_get_partition, rd_kafka_queue_new, rd_kafka_queue_t,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::types::RDKafkaRespErr;

use super::drain::{Drain, Source};
use super::floor::{Run, WAIT, client_config, look_at};
use super::report::Report;

/// Drains a topic by a bare loop around the batch call, and prints what it took.
pub(crate) fn queue_floor(drain: &Drain) -> anyhow::Result<()> {
    drain.run(|source| carry(drain, source))
}

fn carry(drain: &Drain, source: &Source) -> anyhow::Result<Report> {
    let mut run = Run::start(drain, source);
    let queue = DataQueue::new(client_config(source).create_with_context(Forward::default())?)?;
    queue.consumer.subscribe(&[source.topic.as_str()])?;
    let mut batch = Vec::with_capacity(BATCH);
    while run.left() > 0 {
        // Rebalances, errors, results of commits.
        if let Some(Err(error)) = queue.consumer.poll(Duration::ZERO) {
            eprintln!("receiving fails, and is tried again: {error}");
        }
        let most = usize::try_from(run.left()).unwrap_or(BATCH).min(BATCH);
        queue.read(&mut batch, most, drain.headers, |value| run.handle(value))?;
        run.commit(&queue.consumer)?;
    }
    run.end(&queue.consumer)
}

/// What the batch call takes at once.
const BATCH: usize = 1_000;

/// A consumer all of whose partitions deliver into one queue.
struct DataQueue {
    consumer: BaseConsumer<Forward>,
}

impl DataQueue {
    fn new(consumer: BaseConsumer<Forward>) -> anyhow::Result<Self> {
        // SAFETY: the client is alive as long as the consumer, which outlives the queue.
        let queue = unsafe { rd_kafka_queue_new(consumer.client().native_ptr()) };
        if queue.is_null() {
            bail!("librdkafka gave no queue: out of memory");
        }
        consumer.context().queue.store(queue, Ordering::SeqCst);
        Ok(Self { consumer })
    }

    /// Takes up to `most` records, shows their values one by one, and destroys them.
    fn read(
        &self,
        batch: &mut Vec<*mut rd_kafka_message_t>,
        most: usize,
        headers: bool,
        mut on_value: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let queue = self.consumer.context().queue.load(Ordering::SeqCst);
        let timeout_ms = i32::try_from(WAIT.as_millis())?;
        batch.clear();
        batch.reserve(most);
        // SAFETY: the queue is alive until this is dropped; there is room for `most` pointers, and as many are written as
        // the call says.
        unsafe {
            let taken = rd_kafka_consume_batch_queue(queue, timeout_ms, batch.as_mut_ptr(), most);
            batch.set_len(usize::try_from(taken).unwrap_or(0));
        }
        let mut outcome = Ok(());
        for message in batch.drain(..) {
            // SAFETY: the call wrote a message that is ours and not null; its payload, if there is one, has so many bytes
            // and lives as long. It is destroyed once, after its last use.
            unsafe {
                let shown = &*message;
                if shown.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                    eprintln!("receiving from a partition fails, and is tried again: {:?}", shown.err);
                } else if outcome.is_ok() {
                    if headers {
                        look_at_headers(message);
                    }
                    outcome = on_value(bytes(shown.payload, shown.len));
                }
                rd_kafka_message_destroy(message);
            }
        }
        outcome
    }
}

impl Drop for DataQueue {
    fn drop(&mut self) {
        let queue = self.consumer.context().queue.swap(ptr::null_mut(), Ordering::SeqCst);
        // SAFETY: it was made by `new` and is given back here alone. The consumer is dropped after this.
        unsafe { rd_kafka_queue_destroy(queue) }
    }
}

/// # Safety
/// The message is alive.
unsafe fn look_at_headers(message: *const rd_kafka_message_t) {
    let mut headers = ptr::null_mut();
    // SAFETY: the message is alive, and the headers are its own; so are the names and values that are told of them, which end
    // where they are told to.
    unsafe {
        if rd_kafka_message_headers(message, &raw mut headers) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
            let told =
                rd_kafka_header_get_all(headers, index, &raw mut name, &raw mut value, &raw mut length);
            if told != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            look_at(CStr::from_ptr(name).to_bytes(), Some(bytes(value, length)));
        }
    }
}

/// # Safety
/// `start` is null, or the start of `length` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> &'a [u8] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: as the caller says.
    unsafe { slice::from_raw_parts(start.cast(), length) }
}

/// Lets each partition deliver into the queue, before it is assigned.
#[derive(Default)]
struct Forward {
    queue: AtomicPtr<rd_kafka_queue_t>,
}

impl ClientContext for Forward {}

impl ConsumerContext for Forward {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let queue = self.queue.load(Ordering::SeqCst);
        let Rebalance::Assign(partitions) = rebalance else {
            return;
        };
        if queue.is_null() {
            return;
        }
        for partition in partitions.elements() {
            let Ok(topic) = CString::new(partition.topic()) else {
                continue;
            };
            // SAFETY: client and name are alive, and the data queue too, since it is not null. The reference to the
            // partition's queue is ours, and given back.
            unsafe {
                let client = consumer.client().native_ptr();
                let own = rd_kafka_queue_get_partition(client, topic.as_ptr(), partition.partition());
                if !own.is_null() {
                    rd_kafka_queue_forward(own, queue);
                    rd_kafka_queue_destroy(own);
                }
            }
        }
    }
}
