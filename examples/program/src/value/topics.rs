//! The topic of the payments and its dead letters.

use payflow_core::Topic;

use crate::catalogue::{DEAD_LETTER_TOPIC, TOPIC};
use crate::declaration::Declaration;
use crate::setting::Readable;
use crate::values::Values;

/// Where payments travel, and where those go that could not be handled. The two differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    topic: Topic,
    dead_letter_topic: Topic,
}

impl Topics {
    /// The topic of the payments.
    #[must_use]
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The topic of the payments that could not be handled.
    #[must_use]
    pub const fn dead_letter_topic(&self) -> &Topic {
        &self.dead_letter_topic
    }
}

/// The settings `topic` and `dead_letter_topic`, which are read together.
///
/// Where only the topic is told, its dead letters go to the topic of that name with `.dead-letters` behind it.
#[derive(Debug, Clone, Copy)]
pub struct TopicSettings(());

impl TopicSettings {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl Readable for TopicSettings {
    type Value = Topics;

    fn declare(&self, into: &mut Vec<Declaration>) {
        TOPIC.declare(into);
        DEAD_LETTER_TOPIC.declare(into);
    }

    fn read(&self, values: &mut Values) -> Option<Topics> {
        let topic = TOPIC.read(values);
        let dead_letter_topic = DEAD_LETTER_TOPIC.optional().read(values);
        let (topic, dead_letter_topic) = (topic?, dead_letter_topic?);
        let Some(dead_letter_topic) = dead_letter_topic.or_else(|| dead_letters_of(&topic)) else {
            let reason = "leaves no room for .dead-letters behind it, and dead_letter_topic is not set";
            values.refuse(&TOPIC.declaration(), topic.as_str(), reason);
            return None;
        };
        if dead_letter_topic == topic {
            values.refuse(&DEAD_LETTER_TOPIC.declaration(), topic.as_str(), "is the payments' own topic");
            return None;
        }
        Some(Topics { topic, dead_letter_topic })
    }
}

/// `None`: the name would be too long.
fn dead_letters_of(topic: &Topic) -> Option<Topic> {
    Topic::parse(&format!("{topic}.dead-letters")).ok()
}
