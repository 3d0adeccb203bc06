//! What the services say: the answer to a payment, and the notifications in the log.

/// The payment's id in the answer to `POST /pay`, if that accepted it: `{"paymentId":"…","status":"accepted"}`.
pub(super) fn accepted(answer: &str) -> Option<&str> {
    let (_, rest) = answer.split_once(r#""paymentId":""#)?;
    let (id, rest) = rest.split_once('"')?;
    let is_accepted = !id.is_empty() && rest.contains(r#""status":"accepted""#);
    is_accepted.then_some(id)
}

/// The ids of the payments that were notified, in the order of the log: `… notification payment_id=ID …`.
pub(super) fn notified(log: &str) -> Vec<&str> {
    log.lines().filter_map(notified_in).collect()
}

fn notified_in(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once(" notification payment_id=")?;
    // What users chose stands in quotes.
    let id = rest.split(' ').next().filter(|id| !id.is_empty());
    if before.contains('"') { None } else { id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_taken_from_an_acceptance_alone() {
        assert_eq!(accepted(r#"{"paymentId":"0190-a","status":"accepted"}"#), Some("0190-a"));
        for answer in [
            "",
            r#"{"status":"accepted"}"#,
            r#"{"paymentId":"","status":"accepted"}"#,
            r#"{"type":"urn:payflow:problem:outcome-unknown","paymentId":"0190-a","status":504}"#,
            r#"{"paymentId":"0190"#,
        ] {
            assert_eq!(accepted(answer), None, "{answer}");
        }
    }

    #[test]
    fn notifications_are_told_from_what_users_wrote() {
        let log = "\
2026-01-01T00:00:00Z  INFO notification_service::service: notifying health=\"0.0.0.0:8081\"
2026-01-01T00:00:01Z  INFO notification_service::log_notifier: notification payment_id=a notification_id=x text=\"1\"
2026-01-01T00:00:02Z  WARN other: said=\"x notification payment_id=c y\"
2026-01-01T00:00:03Z  INFO notification_service::log_notifier: notification payment_id=b notification_id=y text=\"2\"
";
        assert_eq!(notified(log), ["a", "b"]);
        assert_eq!(notified(" notification payment_id="), [""; 0]);
    }
}
