//! `demo` by itself: serves, shows, and drains.

mod harness;

use std::net::{TcpListener, TcpStream};
use std::process::Command;

use harness::{Request, Running, demo, ended, payment, payment_id};

#[test]
fn samples_are_notified_each_after_its_request() {
    let (running, _) = Running::start_to_show(&[]);

    let lines = running.printed().lines();
    let shown: Vec<char> =
        lines.filter_map(|line| line.chars().next()).filter(|first| "→✓".contains(*first)).collect();
    assert_eq!(shown.len(), 8, "{}", running.printed());
    assert!(shown.chunks(2).all(|pair| pair == ['→', '✓']), "{}", running.printed());
    assert!(
        running.printed().contains("✓ u001   Payment of 49.99 EUR by paypal received"),
        "{}",
        running.printed()
    );
}

#[test]
fn payment_over_http_is_accepted_and_notified_under_its_id() {
    let (mut running, address) = Running::start_to_show(&[]);

    let body = r#"{"userId":"u042","amount":10.5,"method":"card"}"#;
    let answer = Request::begin(&address, &payment(&address, body)).answer();
    let notification = running.read_until(payment_id(&answer));

    assert!(notification.starts_with("✓ u042   Payment of 10.50 EUR by card received "), "{notification}");
}

#[test]
fn notifications_bear_no_colour_codes_where_nobody_looks() {
    let (running, _) = Running::start_to_show(&[]);

    assert!(!running.printed().contains('\x1b'), "{:?}", running.printed());
}

#[test]
fn default_currency_is_a_setting() {
    let (running, _) = Running::start_to_show(&[("PAYFLOW_CURRENCY", "USD")]);

    assert!(running.printed().contains("49.99 USD"), "{}", running.printed());
}

#[test]
fn health_is_served() {
    let (_running, address) = Running::start_to_show(&[]);

    for path in ["/livez", "/readyz"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        let answer = Request::begin(&address, &request).answer();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

/// A shell splits the line as a terminal would, with a function in curl's place.
#[test]
fn printed_curl_line_is_a_payment() {
    let (mut running, address) = Running::start_to_show(&[]);
    let line = running.printed().lines().find(|line| line.starts_with("  curl "));
    let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}\n{}", line.expect("a line to try"));
    let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
    let arguments = String::from_utf8(output.stdout).expect("text");
    let arguments: Vec<&str> = arguments.lines().collect();

    let url = format!("http://{address}/pay");
    let ["-i", to, "-H", header, "-d", body] = arguments[..] else {
        panic!("{arguments:?}");
    };
    assert_eq!((to, header), (url.as_str(), "Content-Type: application/json"));
    let answer = Request::begin(&address, &payment(&address, body)).answer();
    running.read_until(payment_id(&answer));
}

#[test]
fn first_signal_drains_and_exits_with_zero() {
    for signal in ["TERM", "INT"] {
        let (running, _) = Running::start_to_show(&[]);

        running.signal(signal);
        let ended = running.end();

        assert_eq!(ended.code, Some(0), "{signal}: {ended:?}");
        assert!(ended.stdout.ends_with("Drained: no accepted payment is left.\n"), "{ended:?}");
        assert_eq!(ended.stderr, "", "{signal}");
    }
}

#[test]
fn signal_in_the_middle_of_the_samples_is_no_failure() {
    let mut running = Running::start(&mut demo(&["--http-addr", "127.0.0.1:0"]));

    running.read_until("Serving on");
    running.signal("TERM");
    let ended = running.end();

    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
}

#[test]
fn request_under_way_is_answered_and_notified_in_the_drain_and_no_new_one_is_taken() {
    let (mut running, address) = Running::start_to_show(&[]);
    let (mut request, rest) = Request::under_way(&address);

    running.signal("TERM");
    running.read_until("Draining");
    while TcpStream::connect(&address).is_ok() {}
    request.go_on(&rest);
    let answer = request.answer();
    let ended = running.end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains(payment_id(&answer)), "{ended:?}");
}

#[test]
fn second_signal_ends_at_once_though_a_request_is_under_way() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let (mut running, address) = Running::start_to_show(&[]);
        let (_request, _) = Request::under_way(&address);
        running.signal("TERM");
        running.read_until("Draining");

        running.signal(signal);
        let ended = running.end();

        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(!ended.stdout.contains("Drained"), "{ended:?}");
    }
}

#[test]
fn taken_port_is_told_with_the_command_that_would_work() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();

    let ended = ended(&mut demo(&["--http-addr", &address]));

    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with(&format!("error: {address} is taken by another program")), "{ended:?}");
    let (_, other) =
        ended.stderr.split_once("\n  cargo run -p demo -- --http-addr 127.0.0.1:").expect("a suggestion");
    let other: u16 = other.trim().parse().expect("a port");
    assert_ne!(Some(other), taken.local_addr().ok().map(|taken| taken.port()));
}

#[test]
fn address_of_another_machine_is_refused_with_the_setting() {
    // RFC 5737: this address belongs to nobody.
    let ended = ended(demo(&[]).env("PAYFLOW_HTTP_ADDR", "192.0.2.1:8080"));

    assert_eq!(ended.code, Some(1));
    for part in ["192.0.2.1:8080", "--http-addr", "PAYFLOW_HTTP_ADDR"] {
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
}
