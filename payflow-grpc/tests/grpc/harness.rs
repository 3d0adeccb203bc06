//! A server on a free port, and what stands behind the services.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use payflow_core::{
    Acceptance, Currency, Error, Handler, IdempotencyKey, Intake, IntakeError, Message, Notification,
    Notifier, PaymentId, PaymentRequest, Principal, Sent, UserId,
};
use payflow_grpc::{GrpcClient, GrpcClientConfig, GrpcRouter};
use payflow_http::{Server, ServerConfig, ServerReport};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use crate::generated::notification_service_client::NotificationServiceClient;
use crate::generated::payment_service_client::PaymentServiceClient;

/// Ends a test that would hang; nothing is asserted about time.
pub(crate) async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("the awaited event never came")
}

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<ServerReport>,
}

impl Running {
    pub(crate) async fn start(router: Router) -> Self {
        Self::start_on("127.0.0.1:0", ServerConfig::new(), router).await
    }

    pub(crate) async fn start_on(address: &str, config: ServerConfig, router: Router) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = Server::new(config).unwrap();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            server.run(listener, router, stopped).await.unwrap()
        });
        Self { address, stop: Some(stop), task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) async fn channel(&self) -> Channel {
        Channel::from_shared(self.url()).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn payments(&self) -> PaymentServiceClient<Channel> {
        PaymentServiceClient::new(self.channel().await)
    }

    pub(crate) async fn notifications(&self) -> NotificationServiceClient<Channel> {
        NotificationServiceClient::new(self.channel().await)
    }

    pub(crate) fn begin_stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub(crate) async fn stop(mut self) -> ServerReport {
        if self.stop.is_some() {
            self.begin_stop();
        }
        in_time(self.task).await.unwrap()
    }

    /// Drops the server with all of its connections.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(in_time(self.task).await.unwrap_err().is_cancelled());
    }
}

pub(crate) fn client(urls: impl IntoIterator<Item = String>) -> GrpcClient {
    GrpcClient::new(GrpcClientConfig::new(urls)).unwrap()
}

pub(crate) fn router() -> GrpcRouter {
    GrpcRouter::new().with_default_currency(Currency::parse("EUR").unwrap())
}

/// The first three fields.
pub(crate) fn payment() -> payflow_proto::PaymentRequest {
    payflow_proto::PaymentRequest {
        user_id: "u001".into(),
        amount: 49.99,
        method: "paypal".into(),
        ..Default::default()
    }
}

pub(crate) fn notification() -> Notification {
    Notification::new(PaymentId::random(), "paid", "log", UserId::parse("u001").unwrap(), "paid")
}

/// What an intake was asked: whose it was, what, and the key.
pub(crate) type Asked = (Principal, PaymentRequest, Option<String>);

/// Answers as it is told, and keeps what it was asked.
pub(crate) struct ScriptedIntake {
    script: Box<dyn Fn() -> Result<Acceptance, IntakeError> + Send + Sync>,
    asked: Mutex<Vec<Asked>>,
}

impl ScriptedIntake {
    pub(crate) fn answering(
        script: impl Fn() -> Result<Acceptance, IntakeError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { script: Box::new(script), asked: Mutex::default() })
    }

    pub(crate) fn accepting() -> Arc<Self> {
        Self::answering(|| Ok(Acceptance::new(payment_id())))
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Intake for ScriptedIntake {
    async fn accept(
        &self,
        principal: &Principal,
        request: PaymentRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<Acceptance, IntakeError> {
        let key = key.map(|key| key.as_str().to_owned());
        self.asked.lock().unwrap().push((principal.clone(), request, key));
        (self.script)()
    }
}

pub(crate) fn payment_id() -> PaymentId {
    PaymentId::parse("01890a5d-ac96-774b-bcce-b302099a8057").unwrap()
}

/// Stands for all that does work behind a call: it tells when work begins and how it ends, and waits to be let through.
#[derive(Clone)]
pub(crate) struct Gate {
    events: mpsc::Sender<Event>,
    permits: Arc<Semaphore>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Begun,
    Done,
    Dropped,
}

/// The other end of a gate.
pub(crate) struct Events(mpsc::Receiver<Event>);

impl Events {
    pub(crate) async fn next(&mut self) -> Event {
        in_time(self.0.recv()).await.unwrap()
    }
}

impl Gate {
    pub(crate) fn new() -> (Self, Events) {
        let (events, received) = mpsc::channel(1_000);
        (Self { events, permits: Arc::new(Semaphore::new(0)) }, Events(received))
    }

    pub(crate) fn open(&self, times: usize) {
        self.permits.add_permits(times);
    }

    async fn pass(&self) {
        struct Work<'g>(&'g Gate, bool);
        impl Drop for Work<'_> {
            fn drop(&mut self) {
                let event = if self.1 { Event::Done } else { Event::Dropped };
                let _ = self.0.events.try_send(event);
            }
        }
        let mut work = Work(self, false);
        let _ = self.events.try_send(Event::Begun);
        self.permits.acquire().await.unwrap().forget();
        work.1 = true;
    }
}

#[async_trait]
impl Intake for Gate {
    async fn accept(
        &self,
        _: &Principal,
        _: PaymentRequest,
        _: Option<&IdempotencyKey>,
    ) -> Result<Acceptance, IntakeError> {
        self.pass().await;
        Ok(Acceptance::new(payment_id()))
    }
}

#[async_trait]
impl Notifier for Gate {
    async fn notify(&self, _: &Notification) -> Result<Sent, Error> {
        self.pass().await;
        Ok(Sent::Delivered)
    }
}

impl Handler<PaymentRequest> for Gate {
    async fn handle(&self, _: Message<PaymentRequest>) -> Result<(), Error> {
        self.pass().await;
        Ok(())
    }
}

/// Answers as it is told.
pub(crate) struct ScriptedNotifier(pub(crate) fn() -> Result<Sent, Error>);

#[async_trait]
impl Notifier for ScriptedNotifier {
    async fn notify(&self, _: &Notification) -> Result<Sent, Error> {
        (self.0)()
    }
}
