//! `payflow dead-letters list`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anyhow::Result;
use jiff::Timestamp;
use payflow_core::{DeadLetter, Delivery, InvalidDeadLetter};
use payflow_kafka::{KafkaGroups, KafkaReader};
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::ListArgs;
use crate::key::{printable, shown};
use crate::letters::{read_all, time};
use crate::memory;
use crate::output::{Column, cut, table, tell, write};
use crate::settings::{Settings, redrive_group};

/// The widest that a reason is in the table.
const REASON_CHARS: usize = 60;

pub(crate) async fn run(args: ListArgs) -> Result<Outcome> {
    let settings = Settings::read(&args.dead_letters.kafka)?;
    let (kafka, topic) =
        (settings.kafka(&args.dead_letters.kafka)?, settings.dead_letter_topic(&args.dead_letters)?);
    let group = redrive_group(args.group.as_ref(), &topic)?;
    let filter = args.filter.filter(Timestamp::now());
    let is_filtered = filter != payflow_core::RedriveFilter::new();
    let (reader, remembers) = if args.all {
        (KafkaReader::open(&kafka, &topic).await?, None)
    } else {
        let reader = KafkaReader::open_unfinished(&kafka, &topic, &group).await?;
        let lags = KafkaGroups::new(&kafka).lag(&group, std::slice::from_ref(&topic)).await?;
        (reader, Some(memory::remembers(&lags)))
    };

    let limit = usize::try_from(args.limit)?;
    let (mut newest, mut matching, mut all) = (BinaryHeap::new(), 0_u64, 0_u64);
    let mut foreign = 0_u64;
    read_all(reader, |delivery| {
        all += 1;
        let read = DeadLetter::read(&delivery);
        foreign += u64::from(read.is_err());
        // What is no dead letter fulfils no condition, and is shown where there is none.
        if !read.as_ref().map_or(!is_filtered, |letter| filter.matches(letter)) {
            return;
        }
        matching += 1;
        newest.push(Reverse(Row::new(&delivery, read, args.show_keys)));
        if newest.len() > limit {
            newest.pop();
        }
    })
    .await?;

    let mut rows: Vec<Row> = newest.into_iter().map(|Reverse(row)| row).collect();
    rows.sort_unstable();
    let standing = if remembers == Some(true) { "not sent back of" } else { "on" };
    let summary = format!("{} shown of {matching} that match; {all} {standing} {topic}", rows.len());
    if args.json {
        let lines: String = rows.iter().map(|row| format!("{}\n", row.json(remembers))).collect();
        write(&lines)?;
        // Beside the JSON, so that whoever counts its lines knows that there are more.
        if u64::try_from(rows.len())? < matching {
            tell(&format!("{summary}; --limit shows more"));
        }
        return Ok(Outcome::Done);
    }
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    if !cells.is_empty() {
        write(&table(COLUMNS, &cells))?;
    }
    tell(&summary);
    if remembers == Some(false) {
        tell(&format!("{}; what was sent back before is among them", memory::nothing(&group, &topic)));
    }
    if foreign > 0 {
        tell(&format!(
            "{foreign} of them are no dead letters of payflow's (fault -): `show` tells what they are"
        ));
    }
    Ok(Outcome::Done)
}

const COLUMNS: [Column; 9] = [
    Column::Right("PLACE"),
    Column::Left("SET ASIDE"),
    Column::Left("TOPIC"),
    Column::Left("KEY"),
    Column::Left("FAULT"),
    Column::Left("STAGE"),
    Column::Right("ATTEMPTS"),
    Column::Right("REDRIVES"),
    Column::Left("REASON"),
];

/// By time, then by place.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    at: Option<Timestamp>,
    partition: i32,
    offset: i64,
    key: String,
    /// `None`: it is no dead letter.
    letter: Option<Told>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    from: (String, i32, i64),
    fault: &'static str,
    stage: String,
    attempts: u32,
    redrives: u32,
    reason: String,
}

impl Row {
    fn new(delivery: &Delivery, read: Result<DeadLetter, InvalidDeadLetter>, show_keys: bool) -> Self {
        let told = |letter: DeadLetter| Told {
            from: (letter.topic.to_string(), letter.partition, letter.offset),
            fault: letter.fault.as_str(),
            stage: letter.stage,
            attempts: letter.attempts,
            redrives: letter.redrives,
            reason: letter.reason,
        };
        Self {
            at: delivery.timestamp(),
            partition: delivery.partition,
            offset: delivery.offset,
            key: shown(delivery.key(), show_keys),
            letter: read.ok().map(told),
        }
    }

    fn cells(&self) -> [String; 9] {
        let place = format!("{}@{}", self.partition, self.offset);
        let none = || "-".to_owned();
        let Some(letter) = &self.letter else {
            let reason = "no dead letter of payflow's".to_owned();
            return [place, time(self.at), none(), self.key.clone(), none(), none(), none(), none(), reason];
        };
        [
            place,
            time(self.at),
            letter.from.0.clone(),
            self.key.clone(),
            letter.fault.to_owned(),
            printable(&letter.stage),
            letter.attempts.to_string(),
            letter.redrives.to_string(),
            cut(&printable(&letter.reason), REASON_CHARS),
        ]
    }

    /// `remembers`: whether anything is remembered of redrives, where that was asked.
    fn json(&self, remembers: Option<bool>) -> Value {
        let mut object = json!({
            "partition": self.partition,
            "offset": self.offset,
            "set_aside_at": self.at.map(|at| at.to_string()),
            "key": self.key,
        });
        let letter = self.letter.as_ref().map(|letter| {
            json!({
                "from": { "topic": letter.from.0, "partition": letter.from.1, "offset": letter.from.2 },
                "fault": letter.fault,
                "stage": letter.stage,
                "attempts": letter.attempts,
                "redrives": letter.redrives,
                "reason": letter.reason,
            })
        });
        if let (Some(object), Some(Value::Object(letter))) = (object.as_object_mut(), letter) {
            object.extend(letter);
        }
        if let (Some(object), Some(remembers)) = (object.as_object_mut(), remembers) {
            object.insert("redrives_remembered".to_owned(), remembers.into());
        }
        object
    }
}
