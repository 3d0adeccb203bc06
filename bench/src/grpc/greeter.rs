//! tonic's hello-world: the service that does nothing.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::extract::Request as HttpRequest;
use axum::http::Response as HttpResponse;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::{Grpc, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// `SayHello`, as tonic's generator writes it.
///
/// Both messages have one string. That is what prost takes a `String` for, so nothing has to be generated for them.
#[derive(Debug, Clone)]
pub(super) struct Greeter;

impl Greeter {
    pub(super) const NAME: &str = "helloworld.Greeter";
    pub(super) const METHOD: &str = "SayHello";
    pub(super) const PATH: &str = "/helloworld.Greeter/SayHello";
}

impl Service<HttpRequest> for Greeter {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest) -> Self::Future {
        let answer = async {
            let mut grpc = Grpc::new(ProstCodec::default());
            Ok(grpc.unary(SayHello, request).await)
        };
        answer.boxed()
    }
}

struct SayHello;

impl UnaryService<String> for SayHello {
    type Response = String;
    type Future = BoxFuture<'static, Result<Response<String>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        async move { Ok(Response::new(greeting(&request.into_inner()))) }.boxed()
    }
}

/// With a name of 21 bytes it has 36, as a payment's id has, and the request 23, as a payment of three fields has.
fn greeting(name: &str) -> String {
    format!("Hello {name}, welcome")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::kind::{name, payment};

    #[test]
    fn messages_are_as_long_as_those_of_a_payment() {
        let name = name(7);
        assert_eq!(greeting(&name).len(), payflow_core::PaymentId::random().to_string().len());
        let payment = payment(7);
        // A tag and a length before each string, a tag and eight bytes for the amount.
        assert_eq!(2 + name.len(), 2 + payment.user_id.len() + 9 + 2 + payment.method.len());
    }
}
