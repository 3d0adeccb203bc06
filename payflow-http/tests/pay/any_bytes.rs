//! Whatever the bytes are: an answer, never a failure of our own.

use axum::http::StatusCode;
use proptest::prelude::*;

use crate::scripted::{ScriptedIntake, ask, post, with_header};

fn answered_well(body: Vec<u8>, header: Option<(&'static str, Vec<u8>)>) {
    let intake = ScriptedIntake::accepting();
    let mut request = post(body);
    if let Some((name, value)) = header {
        request.headers_mut().remove(name);
        request = with_header(request, name, &value);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = runtime.block_on(ask(&intake.service(), request));
    if answer.status == StatusCode::ACCEPTED {
        assert_eq!(intake.calls().len(), 1);
    } else {
        assert!(answer.status.is_client_error(), "{answer:?}");
        answer.problem();
        assert_eq!(intake.calls(), []);
    }
}

/// Legal in a header field: what else there is never gets past the server.
fn header_value() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![0x20..=0x7e_u8, 0x80..=0xff_u8, Just(b'"'), Just(b'\\')], 0..40)
}

proptest! {
    #[test]
    fn any_body(body in prop::collection::vec(any::<u8>(), 0..300)) {
        answered_well(body, None);
    }

    #[test]
    fn almost_a_payment(
        user in "\"[a-z\\\\\"{\\[0-9é]{0,6}\"|null|7",
        amount in "-?[0-9]{0,4}(\\.[0-9]{0,4})?([eE][+-]?[0-9]{0,4})?|\"1\"|[\\[{]{0,40}",
        name in "userId|user_id|amount|method|currency|paymentId|[a-z\"\\\\]{0,4}",
        end in "\\}|\\}\\}|",
    ) {
        let body = format!(r#"{{"userId":{user},"amount":{amount},"method":"m","{name}":"EUR"{end}"#);
        answered_well(body.into_bytes(), None);
    }

    #[test]
    fn any_idempotency_key(value in header_value()) {
        answered_well(crate::scripted::GOOD.into(), Some(("idempotency-key", value)));
    }

    #[test]
    fn any_content_type(value in header_value()) {
        answered_well(crate::scripted::GOOD.into(), Some(("content-type", value)));
    }
}
