//! `demo --payments`: sends, checks, and ends by itself.

mod harness;

use harness::{Ended, Running, demo, ended};
use serde_json::Value;

/// A run of 500 payments with these flags beside.
fn run(flags: &[&str]) -> Ended {
    let mut arguments = vec!["--payments", "500", "--users", "20", "--concurrency", "8"];
    arguments.extend(flags);
    ended(&mut demo(&arguments))
}

#[track_caller]
fn figures(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// Lost, duplicates, order violations.
#[track_caller]
fn harm(ended: &Ended) -> [u64; 3] {
    let figures = figures(ended);
    ["lost", "duplicates", "order_violations"].map(|name| figures[name].as_u64().expect("a number"))
}

#[test]
fn sound_path_loses_doubles_and_swaps_nothing() {
    let ended = run(&["--json"]);

    assert_eq!((ended.code, harm(&ended)), (Some(0), [0, 0, 0]), "{ended:?}");
    let figures = figures(&ended);
    for name in ["sent", "accepted", "notified"] {
        assert_eq!(figures[name], 500, "{ended:?}");
    }
    for name in ["p50_ms", "p99_ms", "rate_per_second"] {
        assert!(figures[name].as_f64().expect("a number") > 0.0, "{ended:?}");
    }
    assert_eq!(ended.stderr, "");
    assert_eq!(ended.stdout.lines().count(), 1);
}

#[test]
fn amounts_fit_any_currency() {
    for currency in ["JPY", "KWD", "CLF"] {
        let ended = run(&["--json", "--currency", currency]);
        assert_eq!((ended.code, harm(&ended)), (Some(0), [0, 0, 0]), "{currency}: {ended:?}");
    }
}

#[test]
fn each_fault_is_found_and_taken_for_no_other() {
    for (fault, expected) in [("drop", [5, 0, 0]), ("double", [0, 5, 0]), ("swap", [0, 0, 20])] {
        let ended = run(&["--json", "--fault", fault]);

        assert_eq!((ended.code, harm(&ended)), (Some(1), expected), "{fault}: {ended:?}");
    }
}

#[test]
fn table_says_what_went_wrong() {
    let ended = run(&["--fault", "drop"]);

    assert_eq!(ended.code, Some(1));
    let row = |name: &str| {
        let mut rows = ended.stdout.lines();
        let row = rows.find(|row| row.starts_with(name)).expect("a row");
        row.trim_start_matches(name).trim().to_owned()
    };
    assert_eq!([row("accepted"), row("notified"), row("lost")], ["500", "495", "5"]);
    assert_eq!([row("duplicates"), row("order violations")], ["0", "0"]);
    assert!(row("p50").ends_with(" ms") && row("p99").ends_with(" ms") && row("rate").ends_with(" /s"));
    assert!(ended.stdout.contains("\nBAD: "), "{ended:?}");
}

#[test]
fn smallest_run_is_a_run() {
    let ended = ended(&mut demo(&["--payments", "1", "--users", "9", "--concurrency", "9", "--json"]));

    assert_eq!((ended.code, harm(&ended)), (Some(0), [0, 0, 0]), "{ended:?}");
    assert_eq!(figures(&ended)["notified"], 1);
}

#[test]
fn told_address_is_used() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();

    let ended = ended(demo(&["--payments", "1"]).env("PAYFLOW_HTTP_ADDR", &address));

    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(&format!("{address} is taken")), "{ended:?}");
}

#[test]
fn signal_ends_the_sending_and_what_was_sent_is_judged() {
    let mut running = Running::start(&mut demo(&["--payments", "1000000"]));
    let line = running.read_stderr_line();
    assert!(line.starts_with("Sending 1,000,000 payments by 100 users to http://127.0.0.1:"), "{line}");

    running.signal("TERM");
    let ended = running.end();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("\nGood: "), "{ended:?}");
    assert!(!ended.stdout.contains("1,000,000"), "{ended:?}");
}

#[test]
fn wrong_flags_are_refused_by_name_with_what_would_be_right() {
    let cases: &[(&[&str], &str, &str)] = &[
        (&["--payments", "0"], "--payments", "1..=1000000"),
        (&["--payments", "1000001"], "--payments", "1..=1000000"),
        (&["--payments", "many"], "--payments", "invalid digit"),
        (&["--payments", "9", "--users", "0"], "--users", "1..=1000000"),
        (&["--payments", "9", "--concurrency", "0"], "--concurrency", "1..=512"),
        (&["--payments", "9", "--concurrency", "513"], "--concurrency", "1..=512"),
        (&["--payments", "9", "--fault", "lose"], "--fault", "drop, double, swap"),
        (&["--payments", "199", "--fault", "swap"], "--fault swap", "--users"),
        (&["--fault", "drop"], "--fault", "--payments 1000"),
        (&["--users", "3"], "--users", "--payments 1000"),
        (&["--concurrency", "3"], "--concurrency", "--payments 1000"),
        (&["--json"], "--json", "--payments 1000"),
        (&["--currency", "XTS"], "currency", "EUR"),
    ];
    for (flags, named, right) in cases {
        let ended = ended(&mut demo(flags));

        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{flags:?}");
        assert!(ended.stderr.contains(named) && ended.stderr.contains(right), "{flags:?}: {ended:?}");
    }
}
