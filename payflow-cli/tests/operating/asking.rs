//! The question before a redrive, asked at a terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

use crate::harness::{Stage, ended_within, signal};

/// The program at a terminal, and what it has shown there.
struct Terminal {
    child: Child,
    screen: File,
    shown: String,
}

impl Terminal {
    fn redrive(stage: &Stage) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let screen = openpt(flags).expect("a terminal");
        grantpt(&screen).expect("a terminal");
        unlockpt(&screen).expect("a terminal");
        let side = ioctl_tiocgptpeer(&screen, flags).expect("its other side");
        let child = stage
            .payflow(&["dead-letters", "redrive"])
            .stdin(side.try_clone().expect("a descriptor"))
            .stdout(Stdio::null())
            .stderr(side)
            .spawn()
            .expect("the program was built");
        Self { child, screen: File::from(screen), shown: String::new() }
    }

    /// Reads on until it shows that.
    fn wait_for(&mut self, text: &str) {
        let mut bytes = [0; 1_024];
        while !self.shown.contains(text) {
            let read = self.screen.read(&mut bytes);
            let count = read.unwrap_or_else(|_| panic!("it ended without {text}: {}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }

    /// How it ended by itself.
    fn ended(&mut self) -> Option<ExitStatus> {
        // Its bar must not find the terminal full.
        let mut screen = self.screen.try_clone().expect("a descriptor");
        std::thread::spawn(move || std::io::copy(&mut screen, &mut std::io::sink()));
        ended_within(&mut self.child, Duration::from_secs(60))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn the_question_says_whether_anything_is_remembered_and_yes_sends() {
    let stage = Stage::new(1).await;
    stage.set_many_aside(3).await;

    let mut first = Terminal::redrive(&stage);
    first.wait_for("[y/N] ");
    for part in ["3 stand on", "nothing is remembered of redrives", "would be sent again"] {
        assert!(first.shown.contains(part), "{part} is not in {}", first.shown);
    }
    first.screen.write_all(b"y\n").expect("a terminal");
    let ended = first.ended().expect("it ends");
    assert_eq!((ended.code(), stage.back().await.len()), (Some(0), 3));

    stage.set_many_aside(2).await;
    let mut second = Terminal::redrive(&stage);
    second.wait_for("[y/N] ");
    assert!(
        second.shown.contains("2 of ") && second.shown.contains("were not sent back"),
        "{}",
        second.shown
    );
    second.screen.write_all(b"\n").expect("a terminal");
    second.wait_for("nothing was sent");
    let ended = second.ended().expect("it ends");
    assert_eq!((ended.code(), stage.back().await.len()), (Some(1), 3));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Kafka broker: run cargo xtask test"]
async fn a_signal_at_the_question_ends_it_at_once() {
    let stage = Stage::new(1).await;
    stage.set_many_aside(1).await;
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let mut asked = Terminal::redrive(&stage);
        asked.wait_for("[y/N] ");

        signal(&asked.child, name);

        let ended = asked.ended().expect("the first signal ends it");
        assert_eq!(ended.signal(), Some(number), "{ended:?}");
    }
    assert_eq!(stage.back().await.len(), 0);
}
