//! Deliveries that are shared without being copied, in memory that is used again.

use std::sync::Arc;

use crate::consumer::Delivery;
use crate::record::Headers;

/// Makes shared deliveries of owned ones, in the memory of those that came back.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    spare: Vec<Arc<Delivery>>,
}

impl Shelf {
    /// Moves a delivery out of the place it came in, which is left with nothing of worth: it is on its way to be cleared.
    #[inline]
    pub(super) fn share(&mut self, delivery: &mut Delivery) -> Arc<Delivery> {
        if let Some(mut shared) = self.spare.pop()
            && let Some(place) = Arc::get_mut(&mut shared)
        {
            exchange(place, delivery);
            return shared;
        }
        Arc::new(delivery.clone())
    }

    /// Takes what [`emptied`] gave.
    pub(super) fn take_back(&mut self, emptied: &mut Vec<Arc<Delivery>>) {
        self.spare.append(emptied);
    }
}

/// Field by field: to move a delivery by way of the stack, or to swap it whole, word by word, costs twice as much.
fn exchange(place: &mut Delivery, delivery: &mut Delivery) {
    let Delivery { token, topic, partition, offset, timestamp_ms, key, value, headers } = delivery;
    place.token = *token;
    std::mem::swap(&mut place.topic, topic);
    place.partition = *partition;
    place.offset = *offset;
    place.timestamp_ms = *timestamp_ms;
    place.key = key.take();
    place.value = value.take();
    place.headers = std::mem::take(headers);
}

/// Lets go of the bytes. `None` if a handler has kept the message: then they are its own.
#[inline]
pub(super) fn emptied(mut shared: Arc<Delivery>) -> Option<Arc<Delivery>> {
    let delivery = Arc::get_mut(&mut shared)?;
    delivery.key = None;
    delivery.value = None;
    delivery.headers = Headers::new();
    Some(shared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::AckToken;
    use crate::record::Topic;

    fn delivery(offset: i64) -> Delivery {
        Delivery {
            token: AckToken::new(0, 0, offset),
            topic: Topic::parse("t").unwrap(),
            partition: 0,
            offset,
            timestamp_ms: None,
            key: Some("key".into()),
            value: Some("value".into()),
            headers: Headers::new(),
        }
    }

    #[test]
    fn what_came_back_lets_go_of_its_bytes_and_is_used_again() {
        let mut shelf = Shelf::default();
        let shared = shelf.share(&mut delivery(1));
        let place = Arc::as_ptr(&shared);
        let mut back: Vec<_> = emptied(shared).into_iter().collect();
        assert_eq!((&back[0].key, &back[0].value), (&None, &None));

        shelf.take_back(&mut back);
        let again = shelf.share(&mut delivery(2));
        assert_eq!(Arc::as_ptr(&again), place);
        assert_eq!(*again, delivery(2));
    }

    #[test]
    fn what_a_handler_keeps_stays_whole() {
        let mut shelf = Shelf::default();
        let shared = shelf.share(&mut delivery(1));
        let kept = Arc::clone(&shared);
        assert!(emptied(shared).is_none());
        let other = shelf.share(&mut delivery(2));
        assert_eq!((&*kept, &*other), (&delivery(1), &delivery(2)));
    }
}
