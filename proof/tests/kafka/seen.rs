//! What is known of the events so far, read on from where it was left.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use payflow_proof::{Ending, Event, Place};

/// The events so far, and the records that a handler has finished.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) events: Vec<Event>,
    pub(crate) done: HashSet<Place>,
    /// How far the file has been read, in bytes.
    read: u64,
}

impl Seen {
    /// Reads what was added. A line that is just being written is left for the next time.
    pub(crate) fn read_on(&mut self, path: &Path) {
        let mut file = File::open(path).expect("the file is there");
        file.seek(SeekFrom::Start(self.read)).expect("it has been read so far");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("events are text");
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text[..whole].lines() {
            let event: Event = line.parse().expect("processes write events");
            if let Event::Ended { place, how: Ending::Done, .. } = &event {
                self.done.insert(*place);
            }
            self.events.push(event);
        }
        self.read += whole as u64;
    }
}
