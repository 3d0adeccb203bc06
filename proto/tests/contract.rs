//! The parts of `payment.proto` that others rely on. They never change; a new line is the only edit this table takes.
#![allow(clippy::unwrap_used, reason = "a panic fails the test, in a helper as in the test itself")]

use std::path::Path;

use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorProto};

#[test]
fn names_numbers_and_types_are_those_that_others_rely_on() {
    let contract = contract();
    assert_eq!(contract.package(), "payment");
    let found: Vec<String> = contract.message_type.iter().flat_map(|message| fields("", message)).collect();
    let expected = [
        "PaymentRequest userId = 1 String",
        "PaymentRequest amount = 2 Double",
        "PaymentRequest method = 3 String",
        "PaymentRequest paymentId = 4 String",
        "PaymentRequest currency = 5 String",
        "PaymentRequest amountMinor = 6 Int64",
        "PaymentRequest createdAt = 7 .google.protobuf.Timestamp",
        "PaymentAccepted paymentId = 1 String",
        "Notification userId = 1 String",
        "Notification message = 2 String",
        "Notification notificationId = 3 String",
        "Notification paymentId = 4 String",
        "Notification fingerprint = 5 String",
        "Acknowledgement accepted = 1 .payment.Acknowledgement.Accepted",
        "Acknowledgement delivered = 2 .payment.Acknowledgement.Delivered",
        "Acknowledgement retryLater = 3 .payment.Acknowledgement.RetryLater",
        "Acknowledgement rejected = 4 .payment.Acknowledgement.Rejected",
        "Acknowledgement.RetryLater delay = 1 .google.protobuf.Duration",
        "Acknowledgement.RetryLater held = 2 Bool",
        "Acknowledgement.Rejected reason = 1 String",
    ];
    assert_eq!(found, expected);
}

#[test]
fn services_are_those_that_others_call() {
    let contract = contract();
    let mut found = Vec::new();
    for service in &contract.service {
        for method in &service.method {
            assert!(!method.client_streaming() && !method.server_streaming());
            let (name, input, output) = (method.name(), method.input_type(), method.output_type());
            found.push(format!("{}/{name} {input} {output}", service.name()));
        }
    }
    let expected = [
        "PaymentService/Pay .payment.PaymentRequest .payment.PaymentAccepted",
        "NotificationService/HandleNotification .payment.PaymentRequest .payment.Acknowledgement",
        "NotificationService/Notify .payment.Notification .payment.Acknowledgement",
    ];
    assert_eq!(found, expected);
}

fn contract() -> FileDescriptorProto {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = protox::compile([root.join("payment.proto")], [root]).unwrap().file;
    let index = files.iter().position(|file| file.name() == "payment.proto");
    files.swap_remove(index.unwrap())
}

/// Each field of a message, and of those inside of it, in a line.
fn fields(outer: &str, message: &DescriptorProto) -> Vec<String> {
    let name = format!("{outer}{}", message.name());
    let own = message.field.iter().map(|field| {
        let kind = match field.r#type() {
            Type::Message => field.type_name().to_owned(),
            scalar => format!("{scalar:?}"),
        };
        format!("{name} {} = {} {kind}", field.name(), field.number())
    });
    let inner = message.nested_type.iter();
    own.chain(inner.flat_map(|inner| fields(&format!("{name}."), inner))).collect()
}
