//! Who calls: a bare client of tonic's, or payflow's.

use anyhow::{Context, ensure};
use axum::http::uri::PathAndQuery;
use payflow_core::{Notification, Notifier as _, Sent};
use payflow_grpc::GrpcNotifier;
use tonic::client::Grpc;
use tonic::codec::Codec;
use tonic::transport::Channel;
use tonic::{GrpcMethod, Request};
use tonic_prost::ProstCodec;

/// Makes one call after another, always the same.
pub(super) trait Caller: Send + 'static {
    /// One call.
    ///
    /// # Errors
    /// It was not answered with success: a refusal is cheaper than an answer, so the figure would be wrong.
    fn call(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// What tonic's generator makes of a unary method, and no more: no deadline, nobody who connects again.
#[derive(Debug)]
pub(super) struct Bare<Q, A> {
    pub(super) client: Grpc<Channel>,
    pub(super) method: GrpcMethod<'static>,
    pub(super) path: &'static str,
    pub(super) request: Q,
    pub(super) expected: fn(&A) -> bool,
}

impl<Q, A> Caller for Bare<Q, A>
where
    ProstCodec<Q, A>: Codec<Encode = Q, Decode = A>,
    Q: Clone + Send + Sync + 'static,
    A: Send + Sync + 'static,
{
    async fn call(&mut self) -> anyhow::Result<()> {
        self.client.ready().await.context("the connection is lost")?;
        let mut request = Request::new(self.request.clone());
        request.extensions_mut().insert(self.method.clone());
        let path = PathAndQuery::from_static(self.path);
        let answer = self.client.unary(request, path, ProstCodec::<Q, A>::default()).await;
        let answer = answer.with_context(|| format!("{} is refused", self.path))?;
        ensure!((self.expected)(answer.get_ref()), "{} is answered with something else", self.path);
        Ok(())
    }
}

/// payflow's client, as a pipeline's handler uses it.
#[derive(Debug)]
pub(super) struct Notifying {
    pub(super) notifier: GrpcNotifier,
    pub(super) notification: Notification,
}

impl Caller for Notifying {
    async fn call(&mut self) -> anyhow::Result<()> {
        let sent = self.notifier.notify(&self.notification).await?;
        ensure!(sent == Sent::Accepted, "Notify is answered with something else: {sent:?}");
        Ok(())
    }
}
