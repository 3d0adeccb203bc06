//! Reads what other programs recorded. The tests of several crates take it in by `#[path]`.
#![allow(dead_code, reason = "no crate needs all of it")]

/// A line of `recorded/payments.tsv`: a payment of a Go service, and the bytes that Go writes for it.
#[derive(Debug)]
pub(crate) struct RecordedPayment {
    /// What it is there for.
    pub(crate) case: &'static str,
    /// As the service holds it: any bytes.
    pub(crate) user_id: Vec<u8>,
    pub(crate) amount: f64,
    pub(crate) method: Vec<u8>,
    /// What `encoding/json` writes, if it can.
    pub(crate) json: Option<&'static str>,
    /// What `google.golang.org/protobuf` writes, if it can.
    pub(crate) protobuf: Option<Vec<u8>>,
    minor: [&'static str; 4],
}

impl RecordedPayment {
    /// The amount in minor units of a currency with so many decimals, if that is a whole number of 64 bits.
    pub(crate) fn minor(&self, decimals: u8) -> Option<i64> {
        let column = [0, 2, 3, 4].iter().position(|recorded| *recorded == decimals);
        self.minor[column.expect("no currency has another number of decimals")].parse().ok()
    }
}

/// All payments, in the order of the file.
pub(crate) fn payments() -> impl Iterator<Item = RecordedPayment> {
    rows(include_str!("recorded/payments.tsv")).map(
        |[case, user_id, amount, method, minor, protobuf, json]| RecordedPayment {
            case,
            user_id: bytes(user_id),
            amount: f64::from_bits(u64::from_str_radix(amount, 16).expect("the bits of a double")),
            method: bytes(method),
            json: Some(json).filter(|json| *json != NONE),
            protobuf: Some(protobuf).filter(|hex| *hex != NONE).map(bytes),
            minor: numbers(minor),
        },
    )
}

/// A line of `recorded/messages.tsv`: a protobuf message that is no plain payment.
#[derive(Debug)]
pub(crate) struct RecordedMessage {
    /// Its type, without the package.
    pub(crate) message: &'static str,
    /// What it is there for.
    pub(crate) case: &'static str,
    pub(crate) protobuf: Vec<u8>,
}

/// All messages, in the order of the file.
pub(crate) fn messages() -> impl Iterator<Item = RecordedMessage> {
    rows(include_str!("recorded/messages.tsv")).map(|[message, case, protobuf]| RecordedMessage {
        message,
        case,
        protobuf: bytes(protobuf),
    })
}

/// A record's key, and the partition that other clients choose for it.
#[derive(Debug)]
pub(crate) struct RecordedKey {
    pub(crate) key: Vec<u8>,
    /// By kafka-go's `Hash` and by sarama's default: what `fnv1a_random` must choose.
    pub(crate) fnv1a: Partitions,
    /// By kafka-go's and sarama's `ReferenceHash`: FNV-1a too, and for half of all keys another partition.
    pub(crate) fnv1a_reference: Partitions,
    /// By Kafka's Java client: what `murmur2_random` must choose.
    pub(crate) murmur2: Partitions,
}

/// One client's choices for one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Partitions([i32; 7]);

impl Partitions {
    /// The sizes of topic for which the choice is recorded.
    pub(crate) const COUNTS: [i32; 7] = [1, 2, 3, 6, 8, 12, 50];

    /// The partition in a topic of `count`.
    pub(crate) fn of(self, count: i32) -> i32 {
        let column = Self::COUNTS.iter().position(|recorded| *recorded == count);
        self.0[column.expect("a size that is recorded")]
    }

    fn read(column: &str) -> Self {
        Self(numbers(column).map(|number| number.parse().expect("a partition")))
    }
}

/// All keys, in the order of the files; those that a person would try come first.
///
/// # Panics
/// Two clients that use one hash choose differently: then the recordings are wrong.
pub(crate) fn keys() -> impl Iterator<Item = RecordedKey> {
    let go = rows(include_str!("recorded/partitions-go.tsv"));
    let java = rows(include_str!("recorded/partitions-java.tsv"));
    go.zip(java).map(
        |([key, hash, sarama, reference, sarama_reference, franz, m2, sarama_m2], [same_key, java])| {
            assert_eq!(key, same_key, "the tables hold the same keys");
            assert_eq!(hash, sarama, "{key}: FNV-1a");
            assert_eq!(reference, sarama_reference, "{key}: FNV-1a of the reference");
            assert_eq!([franz, m2, sarama_m2], [java; 3], "{key}: murmur2");
            RecordedKey {
                key: bytes(key),
                fnv1a: Partitions::read(hash),
                fnv1a_reference: Partitions::read(reference),
                murmur2: Partitions::read(java),
            }
        },
    )
}

/// Some fifty of them, for tests that send each to a broker: all that are special, and random ones of many lengths.
pub(crate) fn few_keys() -> impl Iterator<Item = RecordedKey> {
    const SPECIAL: usize = 29;
    keys().take(SPECIAL).chain(keys().skip(SPECIAL).step_by(8))
}

/// What stands where there is no value.
const NONE: &str = "-";

/// The lines of a table, each cut into its columns.
fn rows<const COLUMNS: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; COLUMNS]> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| columns(line, '\t'))
}

fn numbers<const COUNT: usize>(column: &str) -> [&str; COUNT] {
    columns(column, ' ')
}

fn columns<const COUNT: usize>(line: &str, separator: char) -> [&str; COUNT] {
    let columns: Vec<&str> = line.split(separator).collect();
    columns.try_into().unwrap_or_else(|columns| panic!("not {COUNT} columns: {columns:?}"))
}

/// Bytes from hexadecimal.
pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).expect("hexadecimal is ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("two hexadecimal digits")).collect()
}

/// Hexadecimal from bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
