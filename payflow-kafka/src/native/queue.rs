//! One queue for the data of all partitions, read in batches.

use std::ffi::{CStr, CString, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::bindings::{
    rd_kafka_commit_queue, rd_kafka_consume_batch_queue, rd_kafka_get_watermark_offsets,
    rd_kafka_header_get_all, rd_kafka_message_destroy, rd_kafka_message_headers,
    rd_kafka_message_leader_epoch, rd_kafka_message_t, rd_kafka_message_timestamp, rd_kafka_position,
    rd_kafka_queue_cb_event_enable, rd_kafka_queue_destroy, rd_kafka_queue_forward,
    rd_kafka_queue_get_consumer, rd_kafka_queue_get_partition, rd_kafka_queue_length, rd_kafka_queue_new,
    rd_kafka_queue_t, rd_kafka_timestamp_type_t, rd_kafka_topic_name,
};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::{RDKafka, RDKafkaRespErr};

/// A consumer whose partitions are read through one queue of its own, apart from its rebalances and errors.
///
/// The fields are dropped in this order: neither a queue nor a message may outlive the client.
pub(crate) struct DataConsumer<C: ConsumerContext> {
    data: Queue,
    main: Queue,
    /// What the queues call from librdkafka's threads when they are no longer empty.
    _wake: Box<Wake>,
    consumer: BaseConsumer<C>,
}

/// The memory of one [`read`](DataConsumer::read), used again by the next.
pub(crate) struct Batch(Vec<*mut rd_kafka_message_t>);

impl Batch {
    /// Messages taken by one call, at most.
    pub(crate) const MAX: usize = 1_000;

    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(Self::MAX))
    }
}

// SAFETY: it is empty whenever it is moved: a read shows and destroys all that it took.
unsafe impl Send for Batch {}

type Wake = Box<dyn Fn() + Send + Sync>;

// SAFETY: librdkafka's handles may be used from any thread, and `Wake` is Send.
unsafe impl<C: ConsumerContext + Send + Sync> Send for DataConsumer<C> {}

impl<C: ConsumerContext> DataConsumer<C> {
    /// `wake` is called from other threads whenever there may be something to serve or to read.
    pub(crate) fn new(consumer: BaseConsumer<C>, wake: impl Fn() + Send + Sync + 'static) -> Option<Self> {
        let client = consumer.client().native_ptr();
        let wake: Box<Wake> = Box::new(Box::new(wake));
        // SAFETY: `client` is alive as long as `consumer`, which outlives both queues. Each call gives a reference of
        // our own, or null.
        let (data, main) = unsafe {
            (Queue::own(rd_kafka_queue_new(client)), Queue::own(rd_kafka_queue_get_consumer(client)))
        };
        let (data, main) = (data?, main?);
        for queue in [&data, &main] {
            // SAFETY: `wake` is a thin pointer to a boxed closure that is dropped after the queues, whose drop ends the
            // calls.
            unsafe {
                let opaque = ptr::from_ref::<Wake>(&wake).cast_mut().cast::<c_void>();
                rd_kafka_queue_cb_event_enable(queue.0.as_ptr(), Some(call_wake), opaque);
            }
        }
        Some(Self { data, main, _wake: wake, consumer })
    }

    pub(crate) const fn consumer(&self) -> &BaseConsumer<C> {
        &self.consumer
    }

    /// Serves rebalances, commit results and errors until there is none, and shows what is none of the first two: errors
    /// and, if a partition was not forwarded, its messages.
    pub(crate) fn serve(&self, mut on_other: impl FnMut(KafkaResult<BorrowedMessage<'_>>)) {
        loop {
            if let Some(other) = self.consumer.poll(Duration::ZERO) {
                on_other(other);
            }
            // SAFETY: the queue is alive.
            if unsafe { rd_kafka_queue_length(self.main.0.as_ptr()) } == 0 {
                return;
            }
        }
    }

    /// Starts to commit. The result comes by [`serve`](Self::serve), to the context's `commit_callback`: a commit of the
    /// wrapper's that does not wait tells nobody its result.
    pub(crate) fn commit(&self, offsets: &TopicPartitionList) -> KafkaResult<()> {
        let client = self.consumer.client().native_ptr();
        // SAFETY: client, list and queue are alive; the call copies the list. With a queue it does not wait, and without
        // a callback the result comes as an event.
        let code = unsafe {
            rd_kafka_commit_queue(client, offsets.ptr(), self.main.0.as_ptr(), None, ptr::null_mut())
        };
        match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            code => Err(KafkaError::ConsumerCommit(code.into())),
        }
    }

    /// Lets these partitions deliver into the data queue. To be called before each assign call that names them.
    pub(crate) fn forward(&self, topic: &str, partition: i32) -> bool {
        let Ok(topic) = CString::new(topic) else {
            return false;
        };
        let client = self.consumer.client().native_ptr();
        // SAFETY: client and name are alive; the queue is a reference of our own, or null, given back at the end of the
        // block. The forward keeps a reference to the data queue.
        unsafe {
            let Some(queue) = Queue::own(rd_kafka_queue_get_partition(client, topic.as_ptr(), partition))
            else {
                return false;
            };
            rd_kafka_queue_forward(queue.0.as_ptr(), self.data.0.as_ptr());
            let _given_back = queue;
        }
        true
    }

    /// Takes up to `max` messages that are there, shows them one by one, and says how many there were. Does not wait.
    pub(crate) fn read(&self, batch: &mut Batch, max: usize, mut on_message: impl FnMut(Read<'_>)) -> usize {
        let Batch(messages) = batch;
        messages.clear();
        // SAFETY: there is room for as many pointers as may be written, and so many are written as the call says.
        unsafe {
            let max = max.min(messages.capacity());
            let taken = rd_kafka_consume_batch_queue(self.data.0.as_ptr(), 0, messages.as_mut_ptr(), max);
            messages.set_len(usize::try_from(taken).unwrap_or(0));
        }
        let count = messages.len();
        for message in Messages(messages.drain(..)) {
            // Destroyed after its last use, and by nobody else.
            let owned = Owned(message);
            on_message(Read { message: owned.0, borrowed: PhantomData });
        }
        count
    }

    /// Fills in, for each partition of the list, the offset behind the last that was taken of it, markers included; an
    /// invalid one if nothing was taken.
    pub(crate) fn positions(&self, list: &mut TopicPartitionList) -> bool {
        // SAFETY: client and list are alive; the call fills in the offsets of the list's elements.
        let code = unsafe { rd_kafka_position(self.consumer.client().native_ptr(), list.ptr()) };
        code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
    }

    /// The oldest offset of a partition and the one behind the newest, as the last fetch told them.
    pub(crate) fn watermarks(&self, topic: &str, partition: i32) -> Option<(i64, i64)> {
        let topic = CString::new(topic).ok()?;
        let (mut low, mut high) = (-1, -1);
        // SAFETY: client and name are alive, and the call writes to the two offsets alone.
        let code = unsafe {
            let client = self.consumer.client().native_ptr();
            rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &raw mut low, &raw mut high)
        };
        (code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && low >= 0 && high >= 0).then_some((low, high))
    }
}

impl<C: ConsumerContext> fmt::Debug for DataConsumer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataConsumer").finish_non_exhaustive()
    }
}

/// A reference of our own to one of librdkafka's queues.
struct Queue(NonNull<rd_kafka_queue_t>);

impl Queue {
    /// # Safety
    /// `queue` is null, or a reference that nobody else gives back, to a queue whose client outlives it.
    unsafe fn own(queue: *mut rd_kafka_queue_t) -> Option<Self> {
        NonNull::new(queue).map(Self)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the reference is ours. Events are switched off under the queue's lock, under which they are called too,
        // so none comes any more; on a queue that has none this changes nothing.
        unsafe {
            rd_kafka_queue_cb_event_enable(self.0.as_ptr(), None, ptr::null_mut());
            rd_kafka_queue_destroy(self.0.as_ptr());
        }
    }
}

// SAFETY: librdkafka calls it with the pointer that was given with it.
unsafe extern "C" fn call_wake(_: *mut RDKafka, wake: *mut c_void) {
    // SAFETY: it is the pointer that was given with this function, to a closure that outlives the queue.
    let wake = unsafe { &*wake.cast::<Wake>() };
    wake();
}

/// What was taken and not yet shown: destroyed too if showing panics.
struct Messages<'a>(std::vec::Drain<'a, *mut rd_kafka_message_t>);

impl Iterator for Messages<'_> {
    type Item = *mut rd_kafka_message_t;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl Drop for Messages<'_> {
    fn drop(&mut self) {
        for message in self.0.by_ref() {
            drop(Owned(message));
        }
    }
}

struct Owned(*mut rd_kafka_message_t);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it was taken from the queue, and is destroyed here alone.
        unsafe { rd_kafka_message_destroy(self.0) }
    }
}

/// A message in librdkafka's memory, for as long as it is shown.
#[derive(Clone, Copy)]
pub(crate) struct Read<'a> {
    message: *const rd_kafka_message_t,
    borrowed: PhantomData<&'a rd_kafka_message_t>,
}

impl<'a> Read<'a> {
    const fn message(&self) -> &'a rd_kafka_message_t {
        // SAFETY: `Read` lives no longer than the message it was made of, which is not null.
        unsafe { &*self.message }
    }

    /// Tells whether it is of the same topic as the one before, without reading its name.
    pub(crate) fn topic_handle(&self) -> usize {
        self.message().rkt.addr()
    }

    pub(crate) fn topic(&self) -> &'a str {
        if self.message().rkt.is_null() {
            return "";
        }
        // SAFETY: the message holds a reference to its topic, whose name is a C string.
        let name = unsafe { CStr::from_ptr(rd_kafka_topic_name(self.message().rkt)) };
        name.to_str().unwrap_or("")
    }

    pub(crate) const fn partition(&self) -> i32 {
        self.message().partition
    }

    pub(crate) const fn offset(&self) -> i64 {
        self.message().offset
    }

    /// The epoch of the leader that wrote it, -1 if that is not known.
    pub(crate) fn leader_epoch(&self) -> i32 {
        // SAFETY: the message is alive, and came from a fetch, whose operation the call looks into.
        unsafe { rd_kafka_message_leader_epoch(self.message) }
    }

    /// Why it is no record.
    pub(crate) fn error(&self) -> Option<RDKafkaErrorCode> {
        let code = self.message().err;
        (code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| code.into())
    }

    pub(crate) const fn key(&self) -> Option<&'a [u8]> {
        let message = self.message();
        // SAFETY: key and length belong together, and live as long as the message.
        unsafe { bytes(message.key, message.key_len) }
    }

    pub(crate) const fn value(&self) -> Option<&'a [u8]> {
        let message = self.message();
        // SAFETY: payload and length belong together, and live as long as the message.
        unsafe { bytes(message.payload, message.len) }
    }

    pub(crate) fn timestamp_ms(&self) -> Option<i64> {
        let mut kind = rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive, and the call writes to `kind` alone.
        let timestamp = unsafe { rd_kafka_message_timestamp(self.message, &raw mut kind) };
        (kind != rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && timestamp >= 0)
            .then_some(timestamp)
    }

    /// Shows name and value of each header, in order. A name that is not UTF-8 is shown with replacement characters.
    pub(crate) fn headers(&self, mut on_header: impl FnMut(&str, Option<&'a [u8]>)) {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is alive, and keeps the headers.
        let code = unsafe { rd_kafka_message_headers(self.message, &raw mut headers) };
        if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the headers are alive; behind the last one the call says so, and writes nothing. Name and value
            // live as long as the message.
            let (name, value) = unsafe {
                let code =
                    rd_kafka_header_get_all(headers, index, &raw mut name, &raw mut value, &raw mut size);
                if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                    return;
                }
                (CStr::from_ptr(name), bytes(value, size))
            };
            match name.to_str() {
                Ok(name) => on_header(name, value),
                Err(_) => on_header(&name.to_string_lossy(), value),
            }
        }
    }
}

/// # Safety
/// `start` is null, or the start of `length` bytes that live for `'a`.
const unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    if start.is_null() {
        return None;
    }
    // SAFETY: as the caller says.
    Some(unsafe { slice::from_raw_parts(start.cast(), length) })
}
