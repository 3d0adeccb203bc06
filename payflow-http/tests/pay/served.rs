//! The routes on the crate's own server: what only shows on a socket.

use std::time::Duration;

use payflow_http::{PayService, Server, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::scripted::{GOOD, PAYMENT_ID, ScriptedIntake};

/// Sends `request` and reads until the server closes.
async fn exchange(service: PayService, config: ServerConfig, request: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let server = Server::new(config).unwrap();
    tokio::select! {
        biased;
        ended = server.run(listener, service, std::future::pending()) => panic!("{ended:?}"),
        answer = client => answer,
    }
}

fn head(rest: &str) -> String {
    format!(
        "POST /pay HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n{rest}\r\n\r\n"
    )
}

#[tokio::test]
async fn a_chunked_payment_is_accepted() {
    let intake = ScriptedIntake::accepting();
    let (first, second) = GOOD.split_at(7);
    let request = format!(
        "{}{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        head("transfer-encoding: chunked"),
        first.len(),
        second.len()
    );

    let answer = exchange(intake.service(), ServerConfig::new(), &request).await;

    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert!(answer.contains(PAYMENT_ID), "{answer}");
    assert_eq!(intake.calls().len(), 1);
}

#[tokio::test]
async fn too_long_is_413_with_and_without_a_declared_length() {
    let chunks = format!("2000\r\n{}\r\n", " ".repeat(0x2000)).repeat(9);
    for request in [head("content-length: 65537"), format!("{}{chunks}", head("transfer-encoding: chunked"))]
    {
        let intake = ScriptedIntake::accepting();
        let answer = exchange(intake.service(), ServerConfig::new(), &request).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
        assert_eq!(intake.calls(), []);
    }
}

#[tokio::test]
async fn a_stalled_body_is_408_and_no_payment() {
    let intake = ScriptedIntake::accepting();
    let config = ServerConfig::new().with_body_deadline(Duration::from_millis(50));
    let request = format!("{}{GOOD}", head(&format!("content-length: {}", GOOD.len() + 1)));

    let answer = exchange(intake.service(), config, &request).await;

    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(intake.calls(), []);
}

/// Each byte comes long before the deadline, and the last one after it.
#[tokio::test]
async fn a_body_that_trickles_in_is_408_and_no_payment() {
    let intake = ScriptedIntake::accepting();
    let config = ServerConfig::new().with_body_deadline(Duration::from_millis(200));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head("content-length: 65536").as_bytes()).await.unwrap();
        let (mut reading, mut writing) = stream.split();
        let mut answer = String::new();
        let trickle = async {
            while writing.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            read = reading.read_to_string(&mut answer) => read.unwrap(),
            () = trickle => 0,
        };
        answer
    };
    let server = Server::new(config).unwrap();
    let answer = tokio::select! {
        biased;
        ended = server.run(listener, intake.service(), std::future::pending()) => panic!("{ended:?}"),
        answer = client => answer,
    };
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(intake.calls(), []);
}

#[tokio::test]
async fn a_body_of_bad_chunks_is_400_and_no_payment() {
    let intake = ScriptedIntake::accepting();
    let request = format!("{}{:x}\r\n{GOOD}\r\nnonsense\r\n", head("transfer-encoding: chunked"), GOOD.len());

    let answer = exchange(intake.service(), ServerConfig::new(), &request).await;

    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(intake.calls(), []);
}
