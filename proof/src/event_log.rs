//! A file that processes append events to.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::event::Event;

/// A file of events, which any number of processes append to at the same time.
///
/// Each event is written by one call at the end of the file: whatever is killed, a line is there whole or not at all, and the
/// order of lines is the order in which things happened.
#[derive(Debug)]
pub struct EventLog {
    file: File,
    path: PathBuf,
}

impl EventLog {
    /// Opens a log, which is made if it is not there.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let file = File::options().create(true).append(true).open(&path)?;
        Ok(Self { file, path })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an event.
    ///
    /// # Errors
    /// The line could not be written in one piece: what follows cannot be trusted.
    pub fn append(&self, event: &Event) -> io::Result<()> {
        let line = format!("{event}\n");
        let written = (&self.file).write(line.as_bytes())?;
        if written == line.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// All events so far, in order. A line that is just being written is left out.
    ///
    /// # Errors
    /// The file cannot be read, or a line is no event.
    pub fn read(&self) -> io::Result<Vec<Event>> {
        let text = fs::read_to_string(&self.path)?;
        let event =
            |line: &str| line.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error));
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(event).collect()
    }

    /// The time that events bear.
    #[must_use]
    pub fn now() -> Duration {
        // A clock before 1970 gives the same time to all events: their order is that of the lines.
        SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::event::Ending;
    use crate::history::Place;

    fn event(process: usize, offset: i64) -> Event {
        let place = Place { partition: 0, offset };
        Event::Ended { process: format!("p{process}"), at: Duration::ZERO, place, how: Ending::Done }
    }

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("payflow-proof-{}-{name}", std::process::id()))
    }

    #[test]
    fn writers_do_not_disturb_each_other() {
        const EVENTS: i64 = 200;
        let path = log("writers");
        std::thread::scope(|scope| {
            for process in 0..4 {
                let log = EventLog::open(&path).unwrap();
                scope.spawn(move || {
                    (0..EVENTS).for_each(|offset| log.append(&event(process, offset)).unwrap())
                });
            }
        });

        let events = EventLog::open(&path).unwrap().read().unwrap();
        fs::remove_file(&path).unwrap();
        for process in 0..4 {
            let name = format!("p{process}");
            let own: Vec<Event> = events
                .iter()
                .filter(|event| matches!(event, Event::Ended { process, .. } if *process == name))
                .cloned()
                .collect();
            assert_eq!(own, (0..EVENTS).map(|offset| event(process, offset)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn line_that_is_not_whole_yet_is_left_out_and_a_wrong_one_is_refused() {
        let path = log("lines");
        let log = EventLog::open(&path).unwrap();
        assert_eq!(log.read().unwrap(), []);
        log.append(&event(0, 1)).unwrap();
        (&log.file).write_all(b"done p0 0 0").unwrap();
        assert_eq!(log.read().unwrap(), [event(0, 1)]);

        (&log.file).write_all(b" x\n").unwrap();
        let refused = log.read();
        fs::remove_file(&path).unwrap();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
