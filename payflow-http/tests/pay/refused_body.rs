//! Bodies that are refused: one row for each input of the contract.

use axum::http::StatusCode;

use crate::scripted::{GOOD, ScriptedIntake, ask, post, refusal};

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[tokio::test]
async fn what_is_not_one_json_document_is_400() {
    let bomb = nested(20_000);
    let bomb_in_a_field = format!(r#"{{"userId":{},"amount":1,"method":"m"}}"#, nested(100));
    let rows: &[(&str, &[u8])] = &[
        ("empty", b""),
        ("not JSON", b"userId=u001&amount=10"),
        ("a number that JSON has not", br#"{"userId":"u","amount":NaN,"method":"m"}"#),
        ("truncated", br#"{"userId":"u001","amount":49.99,"#),
        ("truncated in a string", br#"{"userId":"u0"#),
        ("two documents", br#"{"userId":"u","amount":1,"method":"m"} {}"#),
        ("duplicate field", br#"{"userId":"u","amount":1,"amount":1,"method":"m"}"#),
        ("duplicate field, escaped", br#"{"userId":"u","amount":1,"\u0061mount":1,"method":"m"}"#),
        ("nesting bomb", bomb.as_bytes()),
        ("nesting bomb in a field", bomb_in_a_field.as_bytes()),
        ("not UTF-8", b"{\"userId\":\"\xff\",\"amount\":1,\"method\":\"m\"}"),
        ("not UTF-8 in an unknown field", b"{\"userId\":\"u\",\"amount\":1,\"method\":\"m\",\"x\":\"\xff\"}"),
        ("byte order mark", b"\xef\xbb\xbf{\"userId\":\"u\",\"amount\":1,\"method\":\"m\"}"),
    ];
    for (row, body) in rows {
        let answer = refusal(post(body.to_vec())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{row}: {answer:?}");
        let problem = answer.problem();
        assert_eq!(problem["type"], "urn:payflow:problem:malformed-body", "{row}");
        assert_eq!(problem.get("field"), None, "{row}");
    }
}

#[tokio::test]
async fn what_breaks_a_rule_of_a_field_is_422_and_names_it() {
    let long_user = format!(r#"{{"userId":"{}","amount":1,"method":"m"}}"#, "x".repeat(129));
    let long_number = format!(r#"{{"userId":"u","amount":1.{},"method":"m"}}"#, "0".repeat(40));
    let rows: &[(&str, &str, &str)] = &[
        ("unknown field", r#"{"userId":"u","amount":1,"method":"m","note":"x"}"#, "note"),
        ("missing user", r#"{"amount":1,"method":"m"}"#, "userId"),
        ("missing amount", r#"{"userId":"u","method":"m"}"#, "amount"),
        ("missing method", r#"{"userId":"u","amount":1}"#, "method"),
        ("nothing at all", "{}", "userId"),
        ("both userId and user_id", r#"{"userId":"u","user_id":"u","amount":1,"method":"m"}"#, "userId"),
        ("empty user", r#"{"userId":"","amount":1,"method":"m"}"#, "userId"),
        ("user too long", &long_user, "userId"),
        ("user with a control character", r#"{"userId":"a\u0000b","amount":1,"method":"m"}"#, "userId"),
        ("user is half a surrogate pair", r#"{"userId":"\ud800","amount":1,"method":"m"}"#, "userId"),
        ("user is a number", r#"{"userId":7,"amount":1,"method":"m"}"#, "userId"),
        ("user is null", r#"{"userId":null,"amount":1,"method":"m"}"#, "userId"),
        ("amount 0", r#"{"userId":"u","amount":0,"method":"m"}"#, "amount"),
        ("amount -0.0", r#"{"userId":"u","amount":-0.0,"method":"m"}"#, "amount"),
        ("amount -1", r#"{"userId":"u","amount":-1,"method":"m"}"#, "amount"),
        ("amount 1e400", r#"{"userId":"u","amount":1e400,"method":"m"}"#, "amount"),
        ("amount 1e-400", r#"{"userId":"u","amount":1e-400,"method":"m"}"#, "amount"),
        ("amount as text", r#"{"userId":"u","amount":"10","method":"m"}"#, "amount"),
        ("amount is null", r#"{"userId":"u","amount":null,"method":"m"}"#, "amount"),
        ("amount is an object", r#"{"userId":"u","amount":{"$":1},"method":"m"}"#, "amount"),
        ("10.001 EUR", r#"{"userId":"u","amount":10.001,"method":"m"}"#, "amount"),
        ("1.5 JPY", r#"{"userId":"u","amount":1.5,"method":"m","currency":"JPY"}"#, "amount"),
        ("2^63", r#"{"userId":"u","amount":9223372036854775808,"method":"m"}"#, "amount"),
        ("2^64 + 1", r#"{"userId":"u","amount":18446744073709551617,"method":"m"}"#, "amount"),
        ("one cent beyond the range", r#"{"userId":"u","amount":10000000000000.01,"method":"m"}"#, "amount"),
        ("a number of 42 characters", &long_number, "amount"),
        ("empty method", r#"{"userId":"u","amount":1,"method":""}"#, "method"),
        ("method with a space", r#"{"userId":"u","amount":1,"method":"pay pal"}"#, "method"),
        ("unknown currency", r#"{"userId":"u","amount":1,"method":"m","currency":"XQQ"}"#, "currency"),
        (
            "currency in small letters",
            r#"{"userId":"u","amount":1,"method":"m","currency":"eur"}"#,
            "currency",
        ),
        ("currency is null", r#"{"userId":"u","amount":1,"method":"m","currency":null}"#, "currency"),
        (
            "client sets paymentId",
            r#"{"userId":"u","amount":1,"method":"m","paymentId":"01890a5d-ac96-774b-bcce-b302099a8057"}"#,
            "paymentId",
        ),
        (
            "client sets createdAt",
            r#"{"userId":"u","amount":1,"method":"m","createdAt":"2026-01-02T03:04:05Z"}"#,
            "createdAt",
        ),
    ];
    for (row, body, field) in rows {
        let answer = refusal(post((*body).to_owned())).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{row}: {answer:?}");
        let problem = answer.problem();
        assert_eq!(problem["type"], "urn:payflow:problem:invalid-field", "{row}");
        assert_eq!(problem["field"], *field, "{row}");
    }
}

#[tokio::test]
async fn a_currency_must_be_stated_where_there_is_no_default() {
    let intake = ScriptedIntake::accepting();
    let router = intake.payments().into_router();

    let answer = ask(&router, post(GOOD)).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.problem()["field"], "currency");
    assert_eq!(intake.calls(), []);

    let stated = r#"{"userId":"u001","amount":49.99,"method":"paypal","currency":"EUR"}"#;
    assert_eq!(ask(&router, post(stated)).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn json_that_is_no_object_is_422() {
    for body in ["[1]", "\"text\"", "10", "null", "true"] {
        let answer = refusal(post(body)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {answer:?}");
        assert_eq!(answer.problem()["type"], "urn:payflow:problem:not-an-object", "{body}");
    }
}

#[tokio::test]
async fn nothing_of_the_body_comes_back() {
    let secret = "4111-1111-1111-1111";
    for body in [
        format!(r#"{{"userId":"{secret}","amount":0,"method":"m"}}"#),
        format!(r#"{{"userId":"u","amount":"{secret}","method":"m"}}"#),
        format!(r#"{{"userId":"u","amount":1,"method":"{secret} "}}"#),
        format!(r#"{{"userId":"u","amount":1,"method":"m","currency":"{secret}"}}"#),
        format!(r#"{{"userId":"u","amount":1,"method":"m","{secret}":1}}"#),
        format!(r#"{{"userId":"u","amount":1,"method":"m","note":"{secret}"}}"#),
        format!(r#""{secret}""#),
        secret.to_owned(),
    ] {
        let answer = refusal(post(body.clone())).await;
        assert!(!answer.text.contains(secret), "{body}: {answer:?}");
        answer.problem();
    }
}

#[tokio::test]
async fn who_sets_what_payflow_gives_is_told_so() {
    for field in ["paymentId", "createdAt"] {
        let body = format!(r#"{{"userId":"u","amount":1,"method":"m","{field}":"x"}}"#);
        let problem = refusal(post(body)).await.problem();
        assert_eq!(problem["detail"], format!("{field} is given by payflow; leave it out"));
    }
}
