// Stands for services in another language beside payflow's gRPC services: clients and a server by what protoc makes of
// proto/payment.proto, of which they fill and read the first three fields alone, unless they are told more.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"payflow/interop-grpc/contract"
)

const usage = `usage: go run . COMMAND

  pay -target A -user U -amount X -method M [-key K] [-payment-id I]   calls Pay, prints the payment's id or the refusal
  handle -target A -user U -amount X -method M                         calls HandleNotification, prints the acknowledgement
  notify -target A -user U -message T [-id I -payment-id I]            calls Notify, prints the acknowledgement
  check -target A -service S                                           asks the health of a service
  serve                                                                serves NotificationService until its input ends: prints
                                                                       its address, and the first fields of each call`

// How long a call may take.
const patience = 20 * time.Second

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type told struct {
	target, user, method, message, key, id, paymentID, service string
	amount                                                     float64
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return errors.New(usage)
	}
	var t told
	flags := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	flags.StringVar(&t.target, "target", "", "address")
	flags.StringVar(&t.user, "user", "", "user id")
	flags.StringVar(&t.method, "method", "", "payment method")
	flags.StringVar(&t.message, "message", "", "text of a notification")
	flags.StringVar(&t.key, "key", "", "idempotency key")
	flags.StringVar(&t.id, "id", "", "notification id")
	flags.StringVar(&t.paymentID, "payment-id", "", "payment id")
	flags.StringVar(&t.service, "service", "", "service")
	flags.Float64Var(&t.amount, "amount", 0, "amount")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	if arguments[0] == "serve" {
		return serve(os.Stdin, os.Stdout)
	}
	connection, err := grpc.NewClient(t.target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return call(ctx, arguments[0], connection, t)
}

func call(ctx context.Context, command string, connection *grpc.ClientConn, t told) error {
	payment := &contract.PaymentRequest{UserId: t.user, Amount: t.amount, Method: t.method, PaymentId: t.paymentID}
	notifications := contract.NewNotificationServiceClient(connection)
	switch command {
	case "pay":
		if t.key != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "idempotency-key", t.key)
		}
		accepted, err := contract.NewPaymentServiceClient(connection).Pay(ctx, payment)
		return answer(accepted.GetPaymentId(), err)
	case "handle":
		acknowledgement, err := notifications.HandleNotification(ctx, payment)
		return answer(word(acknowledgement), err)
	case "notify":
		notification := &contract.Notification{
			UserId: t.user, Message: t.message, NotificationId: t.id, PaymentId: t.paymentID,
		}
		acknowledgement, err := notifications.Notify(ctx, notification)
		return answer(word(acknowledgement), err)
	case "check":
		health := grpc_health_v1.NewHealthClient(connection)
		checked, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: t.service})
		return answer(checked.GetStatus().String(), err)
	default:
		return errors.New(usage)
	}
}

// Prints what was answered: a word, or the code and what its details say.
func answer(word string, err error) error {
	if err == nil {
		fmt.Println(word)
		return nil
	}
	refused := status.Convert(err)
	fmt.Print(refused.Code())
	for _, detail := range refused.Details() {
		switch detail := detail.(type) {
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				fmt.Print(" field=", violation.GetField())
			}
		case *errdetails.RetryInfo:
			fmt.Print(" retry=", detail.GetRetryDelay().AsDuration())
		case *errdetails.ErrorInfo:
			fmt.Print(" reason=", detail.GetReason())
			if id, ok := detail.GetMetadata()["paymentId"]; ok {
				fmt.Print(" paymentId=", id)
			}
		}
	}
	fmt.Println()
	return nil
}

func word(acknowledgement *contract.Acknowledgement) string {
	switch outcome := acknowledgement.GetOutcome().(type) {
	case *contract.Acknowledgement_Accepted_:
		return "accepted"
	case *contract.Acknowledgement_Delivered_:
		return "delivered"
	case *contract.Acknowledgement_RetryLater_:
		return fmt.Sprint("retryLater ", outcome.RetryLater.GetDelay().AsDuration())
	case *contract.Acknowledgement_Rejected_:
		return "rejected " + outcome.Rejected.GetReason()
	default:
		return "nothing"
	}
}

// What the server is told to answer stands in the user's id.
type service struct {
	contract.UnimplementedNotificationServiceServer
	out io.Writer
}

func (s *service) HandleNotification(
	_ context.Context, payment *contract.PaymentRequest,
) (*contract.Acknowledgement, error) {
	fmt.Fprintf(s.out, "%s\t%v\t%s\n", payment.GetUserId(), payment.GetAmount(), payment.GetMethod())
	return acknowledge(payment.GetUserId())
}

func (s *service) Notify(
	_ context.Context, notification *contract.Notification,
) (*contract.Acknowledgement, error) {
	fmt.Fprintf(s.out, "%s\t%s\n", notification.GetUserId(), notification.GetMessage())
	return acknowledge(notification.GetUserId())
}

func serve(until io.Reader, out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, listener.Addr())
	server := grpc.NewServer()
	contract.RegisterNotificationServiceServer(server, &service{out: out})
	go func() {
		_, _ = io.Copy(io.Discard, until)
		server.GracefulStop()
	}()
	return server.Serve(listener)
}
