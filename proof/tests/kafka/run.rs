//! Processes of one group, and what is known of them.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use payflow_proof::{Counts, Ending, Event, EventLog, History, Place, Verdict};

use crate::cluster::{Cluster, New};
use crate::process::Process;
use crate::{PATIENCE, look_for, wait_for};

/// The flag by which a group waits so long for a process that is silent, and how long that is.
pub(crate) const SESSION: &str = "--session-ms=8000";
const SESSION_TIMEOUT: Duration = Duration::from_secs(8);

/// A topic that processes handle.
pub(crate) struct Run {
    pub(crate) cluster: Cluster,
    events: EventLog,
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
        Self { cluster, events, folder, flags }
    }

    /// Starts a process of the group.
    pub(crate) fn start(&self, name: &str) -> Process {
        let Cluster { brokers, topic, dead_letters, group, .. } = &self.cluster;
        let events = self.events.path().to_str().expect("the temporary folder's name is text");
        let mut flags = vec!["--brokers", brokers, "--topic", topic.as_str(), "--group", group];
        flags.extend(["--dead-letters", dead_letters.as_str(), "--events", events]);
        flags.extend(self.flags.iter().map(String::as_str));
        Process::start(name, &self.folder, &flags)
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.read().expect("processes write events")
    }

    /// Waits until so many records have been finished by a handler.
    #[track_caller]
    pub(crate) fn wait_for_done(&self, records: usize) {
        self.wait_until(&format!("end of {records} records"), |events| done(events).len() >= records);
    }

    /// Waits until a process has started so many records since the event of this number.
    #[track_caller]
    pub(crate) fn wait_for_starts(&self, process: &str, records: usize, since: usize) {
        let what = format!("{records} records started by {process}");
        self.wait_until(&what, |events| started_by(events.iter().skip(since), process) >= records);
    }

    /// Writes the same records again and again, until each of these processes has handled some of them: then the group
    /// has settled. What was written before has to be handled. Returns how many were written.
    #[track_caller]
    pub(crate) fn share(&self, processes: &[&str], records: &[New]) -> usize {
        let (before, mut written) = (done(&self.events()).len(), 0);
        wait_for(&format!("work for each of {processes:?}"), || {
            let since = self.events().len();
            self.cluster.write(records);
            written += records.len();
            self.wait_for_done(before + written);
            let events = self.events();
            let took_part = |name: &&str| started_by(events.iter().skip(since), name) > 0;
            processes.iter().all(took_part).then_some(written)
        })
    }

    /// Waits for events.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, enough: impl Fn(&[Event]) -> bool) {
        if look_for(|| enough(&self.events()).then_some(())).is_none() {
            panic!("still no {what} after {PATIENCE:?}:\n{}", self.history().verdict());
        }
    }

    /// Kills a process that was started with [`SESSION`], and looks at once at what the group has committed.
    pub(crate) fn kill(&self, process: Process) {
        let name = process.name.clone();
        process.kill();
        let gone = Instant::now();
        self.append(&Event::Killed { process: name, at: EventLog::now() });
        self.note_committed();
        // Later another process may have taken over and committed, and the figures say nothing.
        assert!(gone.elapsed() < SESSION_TIMEOUT, "the machine is too slow to look in time");
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
        self.events().iter().find_map(counts).expect("it says what it has done")
    }

    pub(crate) fn note_committed(&self) {
        let offsets = self.cluster.committed();
        self.append(&Event::Committed { at: EventLog::now(), offsets });
    }

    /// All that is known now.
    pub(crate) fn history(&self) -> History {
        self.note_committed();
        History {
            written: self.cluster.written(),
            dead: self.cluster.dead(),
            events: self.events(),
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

/// The records that a handler has finished.
pub(crate) fn done(events: &[Event]) -> HashSet<Place> {
    let done = events.iter().filter_map(|event| match event {
        Event::Ended { place, how: Ending::Done, .. } => Some(*place),
        _ => None,
    });
    done.collect()
}
