//! What is called, and how: the contenders.

use std::net::SocketAddr;

use anyhow::Context;
use clap::ValueEnum;
use payflow_core::{Notification, PaymentId, UserId};
use payflow_grpc::{GrpcClient, GrpcClientConfig, GrpcNotifier};
use payflow_proto::acknowledgement::Outcome;
use payflow_proto::{Acknowledgement, PaymentAccepted, PaymentRequest};
use tonic::GrpcMethod;
use tonic::client::Grpc;
use tonic::transport::Channel;

use super::caller::{Bare, Notifying};
use super::greeter::Greeter;

/// A method, and who calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// The hello-world, by a bare client.
    Hello,
    /// `Pay`, by a bare client.
    Pay,
    /// `Notify`, by a bare client.
    NotifyBare,
    /// `Notify`, by payflow's client.
    Notify,
}

/// Where callers call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    /// Calls go over so many connections: each has a limit of calls at once.
    pub(super) connections: u16,
}

impl Target {
    /// As many callers of the hello-world as `calls`, each with a connection's share.
    pub(super) async fn hello(self, calls: u32) -> anyhow::Result<Vec<Bare<String, String>>> {
        let caller = |client, number| Bare {
            client,
            method: GrpcMethod::new(Greeter::NAME, Greeter::METHOD),
            path: Greeter::PATH,
            request: name(number),
            expected: |greeting: &String| !greeting.is_empty(),
        };
        Ok(self.clients(calls).await?.map(|(client, number)| caller(client, number)).collect())
    }

    pub(super) async fn pay(self, calls: u32) -> anyhow::Result<Vec<Bare<PaymentRequest, PaymentAccepted>>> {
        let caller = |client, number| Bare {
            client,
            method: GrpcMethod::new("payment.PaymentService", "Pay"),
            path: "/payment.PaymentService/Pay",
            request: payment(number),
            expected: |accepted: &PaymentAccepted| !accepted.payment_id.is_empty(),
        };
        Ok(self.clients(calls).await?.map(|(client, number)| caller(client, number)).collect())
    }

    pub(super) async fn notify_bare(
        self,
        calls: u32,
    ) -> anyhow::Result<Vec<Bare<payflow_proto::Notification, Acknowledgement>>> {
        let caller = |client, number| {
            Ok(Bare {
                client,
                method: GrpcMethod::new("payment.NotificationService", "Notify"),
                path: "/payment.NotificationService/Notify",
                request: payflow_proto::Notification::from(&notification(number)?),
                expected: |answer: &Acknowledgement| matches!(answer.outcome, Some(Outcome::Accepted(_))),
            })
        };
        self.clients(calls).await?.map(|(client, number)| caller(client, number)).collect()
    }

    /// One client for all, which takes the connections in turn: each is an endpoint, and all have the same address.
    pub(super) fn notify(self, calls: u32) -> anyhow::Result<Vec<Notifying>> {
        let endpoints = (0..self.connections).map(|_| self.url());
        let client =
            GrpcClient::new(GrpcClientConfig::new(endpoints)).context("payflow's client is refused")?;
        let caller = |number| {
            let notifier = GrpcNotifier::new(client.clone());
            Ok(Notifying { notifier, notification: notification(number)? })
        };
        (0..calls).map(caller).collect()
    }

    /// A client for each of the callers, who share the connections evenly.
    async fn clients(self, calls: u32) -> anyhow::Result<impl Iterator<Item = (Grpc<Channel>, u32)>> {
        let mut channels = Vec::new();
        for _ in 0..self.connections {
            let channel = Channel::from_shared(self.url())?.connect().await;
            channels.push(channel.with_context(|| format!("{} takes no connection", self.address))?);
        }
        Ok(channels.into_iter().cycle().map(Grpc::new).zip(0..calls))
    }

    fn url(self) -> String {
        format!("http://{}", self.address)
    }
}

/// Whom the `number`th caller greets.
pub(super) fn name(number: u32) -> String {
    format!("user number {:09}", number % USERS)
}

/// What the `number`th caller pays: the payment that is posted over HTTP.
pub(super) fn payment(number: u32) -> PaymentRequest {
    PaymentRequest {
        user_id: user(number),
        amount: 49.99,
        method: "paypal".to_owned(),
        ..PaymentRequest::default()
    }
}

fn notification(number: u32) -> anyhow::Result<Notification> {
    let user = UserId::parse(&user(number))?;
    Ok(Notification::new(
        PaymentId::random(),
        "accepted",
        "grpc",
        user,
        "Payment of 49.99 EUR by paypal accepted",
    ))
}

fn user(number: u32) -> String {
    format!("u{:03}", number % USERS)
}

/// As few as have names of one length.
const USERS: u32 = 1_000;
