//! The answers that the server gives in the service's place.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};

/// What has to be known of a request to answer it after the service has taken it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    is_http2: bool,
    is_grpc: bool,
    is_head: bool,
}

/// Whether an HTTP/1 connection goes on after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Close,
    GoOn,
}

impl Asker {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let is_http2 = request.version() == Version::HTTP_2;
        // gRPC is POST over HTTP/2 alone. Elsewhere a 200 would say what it says in HTTP: of a CONNECT, that the tunnel is
        // open (RFC 9110 §9.3.6).
        let is_grpc = is_http2
            && request.method() == Method::POST
            && request
                .headers()
                .get(header::CONTENT_TYPE)
                .is_some_and(|content_type| content_type.as_bytes().starts_with(b"application/grpc"));
        Self { is_http2, is_grpc, is_head: request.method() == Method::HEAD }
    }

    /// Answers with a problem document (RFC 9457), or with a status and its message to gRPC.
    pub(super) fn answer(self, status: StatusCode, detail: &str, then: Then) -> Response<Bytes> {
        if self.is_grpc {
            return grpc_answer(status, detail);
        }
        let title = status.canonical_reason().unwrap_or_default();
        let code = status.as_u16();
        // Neither holds a character that JSON would have escaped: both come from this crate.
        let problem =
            format!(r#"{{"type":"about:blank","title":"{title}","status":{code},"detail":"{detail}"}}"#);
        let length = problem.len();
        // hyper leaves the body of an answer to HEAD away over HTTP/1 alone.
        let body = if self.is_head { Bytes::new() } else { Bytes::from(problem) };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        if then == Then::Close {
            self.close_after(headers);
        }
        response
    }

    /// Makes the answer the last of its connection; HTTP/2 ends the stream alone.
    pub(super) fn close_after(self, headers: &mut HeaderMap) {
        if !self.is_http2 {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// Says it the way gRPC does: HTTP's status is 200, and gRPC's own stands in the headers.
fn grpc_answer(status: StatusCode, detail: &str) -> Response<Bytes> {
    let grpc_status = match status {
        StatusCode::GATEWAY_TIMEOUT => "4",        // DEADLINE_EXCEEDED
        StatusCode::SERVICE_UNAVAILABLE => "14",   // UNAVAILABLE
        StatusCode::NOT_IMPLEMENTED => "12",       // UNIMPLEMENTED
        status if status.is_client_error() => "3", // INVALID_ARGUMENT
        // UNKNOWN, and not INTERNAL: what the service did until it failed is not known.
        _ => "2",
    };
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from_static(grpc_status));
    // It holds nothing that gRPC would have percent-encoded: it is printable ASCII without `%`, and comes from this crate.
    if let Ok(message) = HeaderValue::from_str(detail) {
        headers.insert("grpc-message", message);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        // Who says when to come back says that nothing was done: proxies use the code for less than that.
        headers.insert("grpc-retry-pushback-ms", HeaderValue::from_static(RETRY_AFTER_MILLIS));
    }
    response
}

/// Overload passes quickly or not at all; a second spreads the repeats of many clients.
const RETRY_AFTER_SECONDS: &str = "1";
const RETRY_AFTER_MILLIS: &str = "1000";

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(method: Method, version: Version, content_type: &str) -> Asker {
        let request = Request::builder().method(method).version(version);
        Asker::of(&request.header(header::CONTENT_TYPE, content_type).body(()).unwrap())
    }

    #[test]
    fn problem_names_its_status() {
        let asker = asker(Method::GET, Version::HTTP_11, "application/json");
        let response = asker.answer(StatusCode::SERVICE_UNAVAILABLE, "too busy", Then::GoOn);

        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert!(!response.headers().contains_key(header::CONNECTION));
        let expected =
            r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too busy"}"#;
        assert_eq!(response.body(), expected);
    }

    #[test]
    fn head_is_answered_with_the_length_alone() {
        for version in [Version::HTTP_11, Version::HTTP_2] {
            let answer = |method| {
                let asker = asker(method, version, "application/json");
                asker.answer(StatusCode::BAD_REQUEST, "", Then::Close)
            };
            let (got, head) = (answer(Method::GET), answer(Method::HEAD));

            assert_eq!(head.headers(), got.headers());
            assert_eq!(head.headers()[header::CONTENT_LENGTH], got.body().len().to_string());
            assert!(head.body().is_empty(), "{version:?}");
        }
    }

    #[test]
    fn only_http1_is_told_to_close() {
        for (version, closes) in
            [(Version::HTTP_10, true), (Version::HTTP_11, true), (Version::HTTP_2, false)]
        {
            let asker = asker(Method::GET, version, "application/json");
            let response = asker.answer(StatusCode::BAD_REQUEST, "", Then::Close);
            assert_eq!(response.headers().contains_key(header::CONNECTION), closes, "{version:?}");
        }
    }

    #[test]
    fn grpc_is_answered_in_its_own_terms() {
        for (content_type, status, grpc_status) in [
            ("application/grpc", StatusCode::GATEWAY_TIMEOUT, "4"),
            ("application/grpc+proto", StatusCode::SERVICE_UNAVAILABLE, "14"),
            ("application/grpc", StatusCode::INTERNAL_SERVER_ERROR, "2"),
            ("application/grpc", StatusCode::BAD_REQUEST, "3"),
        ] {
            let asker = asker(Method::POST, Version::HTTP_2, content_type);
            let response = asker.answer(status, "it may have taken effect", Then::Close);
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.headers()["grpc-status"], grpc_status);
            assert_eq!(response.headers()["grpc-message"], "it may have taken effect");
            let says_when = response.headers().contains_key("grpc-retry-pushback-ms");
            assert_eq!(says_when, status == StatusCode::SERVICE_UNAVAILABLE);
            assert!(response.body().is_empty());
        }
    }

    #[test]
    fn what_cannot_be_grpc_is_answered_as_http() {
        for (method, version) in [
            (Method::CONNECT, Version::HTTP_2),
            (Method::GET, Version::HTTP_2),
            (Method::POST, Version::HTTP_11),
            (Method::CONNECT, Version::HTTP_11),
        ] {
            let asker = asker(method, version, "application/grpc");
            let response = asker.answer(StatusCode::NOT_IMPLEMENTED, "", Then::Close);
            assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED);
            assert!(!response.headers().contains_key("grpc-status"));
            assert_eq!(response.headers().contains_key(header::CONNECTION), version == Version::HTTP_11);
        }
    }
}
