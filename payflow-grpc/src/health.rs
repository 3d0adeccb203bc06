//! `grpc.health.v1.Health`: may the services be given traffic.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::Empty;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// Answers `Check` by what the program says of itself.
///
/// `Watch` is not served: it is a call without an end on a server where each call has a deadline, and a stop would wait for
/// it. The protocol lets a server leave it out, and clients then take the service for healthy.
pub(crate) struct Readiness {
    pub(crate) services: Vec<&'static str>,
    pub(crate) ready: Arc<dyn Fn() -> bool + Send + Sync>,
}

#[async_trait]
impl Health for Readiness {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.get_ref().service.as_str();
        // Without a name, it is the whole server that is asked about.
        if !service.is_empty() && !self.services.contains(&service) {
            return Err(Status::not_found("there is no service of this name"));
        }
        let status = if (self.ready)() { ServingStatus::Serving } else { ServingStatus::NotServing };
        Ok(Response::new(HealthCheckResponse { status: status as i32 }))
    }

    type WatchStream = Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("ask Check; there is no Watch"))
    }
}
