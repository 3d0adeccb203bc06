// Stands for the Go services that payflow works beside: it records the bytes they write, reads what payflow writes as
// strictly as they do, and produces and consumes with their client.
package main

import (
	"errors"
	"fmt"
	"os"
)

const usage = `usage: go run . COMMAND

  record payments      the table of payments, as encoding/json and protobuf write them
  record messages      the table of other protobuf messages
  record partitions    the table of keys, and the partition that each Go client chooses
  decode-strict        reads JSON payments, in hexadecimal a line, with strict decoders of three fields
  decode-protobuf      the same for protobuf
  produce FLAGS        sends lines "key TAB value" by kafka-go (-h tells the flags)
  consume FLAGS        reads records as a member of a group by kafka-go (-h tells the flags)`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	command, rest := "", []string(nil)
	if len(arguments) > 0 {
		command, rest = arguments[0], arguments[1:]
	}
	switch command {
	case "record":
		return record(rest)
	case "decode-strict":
		return decodeStrict(os.Stdin, os.Stdout)
	case "decode-protobuf":
		return decodeMessages(os.Stdin, os.Stdout)
	case "produce":
		return produce(rest, os.Stdin, os.Stdout)
	case "consume":
		return consume(rest, os.Stdout)
	default:
		return errors.New(usage)
	}
}

func record(arguments []string) error {
	if len(arguments) != 1 {
		return errors.New(usage)
	}
	switch arguments[0] {
	case "payments":
		return recordPayments(os.Stdout)
	case "messages":
		return recordMessages(os.Stdout)
	case "partitions":
		return recordPartitions(os.Stdout)
	default:
		return errors.New(usage)
	}
}
