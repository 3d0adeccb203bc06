//! What the consumer makes of a log on a real broker. What is written here is written by librdkafka's own producer.

mod changing;
mod closing;
mod cluster;
mod ends;
mod expired;
mod gaps;
mod logged;
mod looking;
mod lost;
mod remembering;
mod settings;
mod tail;
