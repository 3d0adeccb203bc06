//! The notifications that went out, by whom and under which id.

use std::collections::{HashMap, HashSet};

use crate::history::Place;
use crate::verdict::Breach;

/// All of them so far.
#[derive(Default)]
pub(super) struct Sends<'a> {
    /// The record of each payment that a handler was called for.
    places: HashMap<&'a str, Place>,
    sent: HashSet<(&'a str, &'a str)>,
    notifications: HashMap<&'a str, &'a str>,
}

impl<'a> Sends<'a> {
    pub(super) fn called_for(&mut self, payment: &'a str, place: Place) {
        self.places.insert(payment, place);
    }

    /// A process sent the notification of a payment: whose record that is, if a handler was ever called for it.
    pub(super) fn note(
        &mut self,
        process: &'a str,
        payment: &'a str,
        notification: &'a str,
        breaches: &mut Vec<Breach>,
    ) -> Option<Place> {
        // A process remembers what it has sent, for as long as any of these runs.
        if !self.sent.insert((process, payment)) {
            breaches.push(Breach::SentTwice(payment.to_owned()));
        }
        if *self.notifications.entry(payment).or_insert(notification) != notification {
            breaches.push(Breach::OtherNotification(payment.to_owned()));
        }
        self.places.get(payment).copied()
    }
}
