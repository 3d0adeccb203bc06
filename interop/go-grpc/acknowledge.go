package main

import (
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"payflow/interop-grpc/contract"
)

// Answers as the name says; everybody else is told that it was taken.
func acknowledge(name string) (*contract.Acknowledgement, error) {
	switch name {
	case "delivered":
		return &contract.Acknowledgement{
			Outcome: &contract.Acknowledgement_Delivered_{Delivered: &contract.Acknowledgement_Delivered{}},
		}, nil
	case "later":
		later := &contract.Acknowledgement_RetryLater{Delay: durationpb.New(7 * time.Second)}
		return &contract.Acknowledgement{Outcome: &contract.Acknowledgement_RetryLater_{RetryLater: later}}, nil
	case "rejected":
		rejected := &contract.Acknowledgement_Rejected{Reason: "no such payer"}
		return &contract.Acknowledgement{Outcome: &contract.Acknowledgement_Rejected_{Rejected: rejected}}, nil
	case "nothing":
		return &contract.Acknowledgement{}, nil
	case "unavailable":
		return nil, status.Error(codes.Unavailable, "on purpose")
	case "invalid":
		return nil, status.Error(codes.InvalidArgument, "on purpose")
	default:
		return &contract.Acknowledgement{
			Outcome: &contract.Acknowledgement_Accepted_{Accepted: &contract.Acknowledgement_Accepted{}},
		}, nil
	}
}
