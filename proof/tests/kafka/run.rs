//! Processes of one group, and what is known of them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use payflow_proof::{Counts, Event, EventLog, History, Verdict};

use crate::cluster::{Cluster, New};
use crate::forms::is_long;
use crate::process::Process;
use crate::seen::Seen;
use crate::{PATIENCE, look_for, wait_for};

/// The flag by which a group waits so long for a process that is silent.
pub(crate) const SESSION: &str = "--session-ms=8000";
/// The same where nothing else keeps the machine busy.
const SESSION_ALONE: &str = "--session-ms=4000";
/// The flag by which a group outlasts brokers that are away, also where they take long to start: no member is given up.
pub(crate) const SESSION_BEYOND_OUTAGES: &str = "--session-ms=180000";

/// The flag for this form of the scenario.
pub(crate) fn session() -> &'static str {
    if is_long() { SESSION_ALONE } else { SESSION }
}

fn session_timeout(flag: &str) -> Option<Duration> {
    flag.strip_prefix("--session-ms=")?.parse().ok().map(Duration::from_millis)
}

/// A topic that processes handle.
pub(crate) struct Run {
    pub(crate) cluster: Cluster,
    events: EventLog,
    seen: Mutex<Seen>,
    folder: PathBuf,
    /// What all processes are told.
    flags: Vec<String>,
}

impl Run {
    pub(crate) fn on(cluster: Cluster, flags: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(cluster.topic.as_str());
        std::fs::create_dir(&folder).expect("a topic's name is used once");
        let events = EventLog::open(folder.join("events")).expect("the folder is there");
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Self { cluster, events, seen: Mutex::default(), folder, flags }
    }

    /// Starts a process of the group.
    pub(crate) fn start(&self, name: &str) -> Process {
        self.start_by(&self.cluster.brokers, name)
    }

    /// The same, by another way to the brokers.
    pub(crate) fn start_by(&self, brokers: &str, name: &str) -> Process {
        let Cluster { topic, dead_letters, group, .. } = &self.cluster;
        let events = self.events.path().to_str().expect("the temporary folder's name is text");
        let mut flags = vec!["--brokers", brokers, "--topic", topic.as_str(), "--group", group];
        flags.extend(["--dead-letters", dead_letters.as_str(), "--events", events]);
        flags.extend(self.flags.iter().map(String::as_str));
        Process::start(name, &self.folder, &flags)
    }

    /// How many events there are.
    pub(crate) fn events_seen(&self) -> usize {
        self.seen().events.len()
    }

    /// How many records a handler has finished.
    pub(crate) fn records_done(&self) -> usize {
        self.seen().done.len()
    }

    /// All that is known of the events now.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        // A look that failed in another thread leaves what was read before it.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.read_on(self.events.path());
        seen
    }

    /// Waits until so many records have been finished by a handler. Times do not count as long as more are finished.
    #[track_caller]
    pub(crate) fn wait_for_done(&self, records: usize) {
        let (mut most, mut since) = (0, Instant::now());
        loop {
            let done = self.records_done();
            if done >= records {
                return;
            }
            if done > most {
                (most, since) = (done, Instant::now());
            }
            if since.elapsed() > PATIENCE {
                panic!(
                    "{most} of {records} records, and no more in {PATIENCE:?}:\n{}",
                    self.history().verdict()
                );
            }
            std::thread::sleep(crate::LOOK_INTERVAL);
        }
    }

    /// Waits until a process has started so many records since the event of this number.
    #[track_caller]
    pub(crate) fn wait_for_starts(&self, process: &str, records: usize, since: usize) {
        let what = format!("{records} records started by {process}");
        self.wait_until(&what, |events| started_by(events.iter().skip(since), process) >= records);
    }

    /// Waits until a handler has been called in each of so many partitions since the event of this number, no
    /// partition stands still.
    #[track_caller]
    pub(crate) fn wait_for_all_partitions(&self, partitions: i32, since: usize) {
        self.wait_until(&format!("work in each of {partitions} partitions"), |events| {
            let started = events.iter().skip(since).filter_map(|event| match event {
                Event::Started { place, .. } => Some(place.partition),
                _ => None,
            });
            (0..partitions).collect::<BTreeSet<i32>>().is_subset(&started.collect())
        });
    }

    /// Writes the same records again and again, until each of these processes has handled some of them: then the group
    /// has settled. What was written before has to be handled. Returns how many were written.
    #[track_caller]
    pub(crate) fn share(&self, processes: &[&str], records: &[New]) -> usize {
        let (before, mut written) = (self.records_done(), 0);
        wait_for(&format!("work for each of {processes:?}"), || {
            let since = self.events_seen();
            self.cluster.write(records);
            written += records.len();
            self.wait_for_done(before + written);
            let events = &self.seen().events;
            let took_part = |name: &&str| started_by(events.iter().skip(since), name) > 0;
            processes.iter().all(took_part).then_some(written)
        })
    }

    /// Waits for events.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, enough: impl Fn(&[Event]) -> bool) {
        if look_for(|| enough(&self.seen().events).then_some(())).is_none() {
            panic!("still no {what} after {PATIENCE:?}:\n{}", self.history().verdict());
        }
    }

    /// Kills a process, and looks at once at what the group has committed.
    pub(crate) fn kill(&self, process: Process) {
        let name = process.name.clone();
        process.kill();
        let gone = Instant::now();
        self.append(&Event::Killed { process: name, at: EventLog::now() });
        self.note_committed();
        self.assert_in_session(gone);
    }

    /// Lets a process stand still until [`thaw`](Self::thaw), and looks at once at what the group has committed.
    pub(crate) fn freeze(&self, process: &mut Process) {
        process.freeze();
        self.note_cut_off(process);
    }

    /// The same for a process that nothing more comes through to.
    pub(crate) fn note_cut_off(&self, process: &Process) {
        let since = Instant::now();
        self.append(&Event::Stopped { process: process.name.clone(), at: EventLog::now() });
        self.note_committed();
        self.assert_in_session(since);
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self, process: &mut Process) {
        self.note_resumed(process);
        process.thaw();
    }

    pub(crate) fn note_resumed(&self, process: &Process) {
        self.append(&Event::Resumed { process: process.name.clone(), at: EventLog::now() });
    }

    /// Later another process may have taken over and committed, and the figures say nothing.
    fn assert_in_session(&self, silent_since: Instant) {
        let timeout = self.flags.iter().find_map(|flag| session_timeout(flag)).expect("a session is set");
        assert!(silent_since.elapsed() < timeout, "the machine is too slow to look in time");
    }

    /// Ends a process in the good way.
    #[track_caller]
    pub(crate) fn stop(&self, mut process: Process) -> Counts {
        let name = process.name.clone();
        process.terminate();
        process.wait();
        let counts = |event: &Event| match event {
            Event::Left { process, counts, .. } if *process == name => Some(*counts),
            _ => None,
        };
        self.seen().events.iter().find_map(counts).expect("it says what it has done")
    }

    pub(crate) fn note_committed(&self) {
        let commits = self.cluster.commits();
        self.append(&Event::Committed { at: EventLog::now(), commits });
    }

    /// Waits until all of so many records are finished and committed: from here on nothing may happen, whatever processes
    /// still come and go.
    #[track_caller]
    pub(crate) fn settle(&self, records: usize) {
        self.wait_for_done(records);
        wait_for("commit of all records", || {
            let offsets: i64 = self.cluster.committed().values().sum();
            (usize::try_from(offsets).is_ok_and(|offsets| offsets >= records)).then_some(())
        });
        self.append(&Event::Quiet { at: EventLog::now() });
    }

    /// All that is known now.
    pub(crate) fn history(&self) -> History {
        self.note_committed();
        History {
            written: self.cluster.written(),
            dead: self.cluster.dead(),
            events: self.seen().events.clone(),
            // Each process notifies of what it handles.
            notifies: true,
            ..History::default()
        }
    }

    /// What is to be thought of it. Nothing may be broken, and nothing is left to do.
    #[track_caller]
    pub(crate) fn judge(&self) -> Verdict {
        let verdict = self.history().verdict();
        eprintln!("{verdict}");
        assert!(verdict.is_good(), "{verdict}");
        assert_eq!(verdict.uncommitted, Some(0), "{verdict}");
        verdict
    }

    fn append(&self, event: &Event) {
        self.events.append(event).expect("the file is there");
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what happened is in {}", self.folder.display());
        } else {
            // What is left behind does no harm.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// How many calls of a handler these are in a process.
pub(crate) fn started_by<'a>(events: impl IntoIterator<Item = &'a Event>, name: &str) -> usize {
    let by = |event: &&Event| matches!(event, Event::Started { process, .. } if process == name);
    events.into_iter().filter(by).count()
}
