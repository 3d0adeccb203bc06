//! Malformed and smuggling requests, byte by byte: each is refused, and never reaches the service as a whole request.

mod harness;
#[path = "malformed/rows.rs"]
mod rows;

use harness::{GOOD_REQUEST, Running, Seen, statuses};
use payflow_http::ServerConfig;
use rows::rows;

/// How a row's bytes are cut.
#[derive(Clone, Copy, Debug)]
enum Delivery {
    AtOnce,
    ByteByByte,
}

async fn check_all(delivery: Delivery) {
    let seen = Seen::default();
    let server = Running::start(ServerConfig::new(), seen.echo()).await;
    let mut wrong = Vec::new();

    for row in rows() {
        let (calls, whole) = (seen.calls(), seen.whole());

        let mut client = server.connect().await;
        match delivery {
            Delivery::AtOnce => client.send(&row.bytes).await,
            Delivery::ByteByByte => {
                for byte in &row.bytes {
                    client.send([*byte]).await;
                }
            }
        }
        let sent = client.read_to_end().await;

        let got = (statuses(&sent), seen.calls() - calls, seen.whole() - whole);
        let expected = (row.statuses, row.calls, row.whole);
        if got != expected {
            wrong.push(format!("{}: expected {expected:?}, got {got:?}: {sent:?}", row.name));
        }

        let mut client = server.connect().await;
        client.send(GOOD_REQUEST).await;
        assert_eq!(statuses(&client.read_to_end().await), [200], "after {}", row.name);
    }
    server.stop().await;
    assert!(wrong.is_empty(), "{delivery:?} (statuses, calls, whole requests):\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn malformed_requests_are_refused_in_one_piece() {
    check_all(Delivery::AtOnce).await;
}

#[tokio::test]
async fn malformed_requests_are_refused_byte_by_byte() {
    check_all(Delivery::ByteByByte).await;
}

#[test]
fn rows_have_names_of_their_own() {
    let mut names: Vec<_> = rows().iter().map(|row| row.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count >= 100, "{count} rows");
}
