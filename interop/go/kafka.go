package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// connection is what producer and consumer must be told.
type connection struct {
	brokers string
	topic   string
	timeout time.Duration
}

func (c *connection) flags(flags *flag.FlagSet) {
	flags.StringVar(&c.brokers, "brokers", "", "bootstrap brokers, separated by commas")
	flags.StringVar(&c.topic, "topic", "payment-topic", "the topic")
	flags.DurationVar(&c.timeout, "timeout", time.Minute, "gives up after this long")
}

func (c *connection) addresses() []string { return strings.Split(c.brokers, ",") }

func parse(flags *flag.FlagSet, arguments []string, required ...string) error {
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	missing := slices.Clone(required)
	flags.Visit(func(given *flag.Flag) {
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == given.Name })
	})
	if len(missing) > 0 {
		return fmt.Errorf("%s: -%s is missing", flags.Name(), strings.Join(missing, ", -"))
	}
	return nil
}

// produce sends a record for each line of key, tab and value, one after another, and tells where each went, once the
// broker has it: partition, offset, key.
func produce(arguments []string, from io.Reader, to io.Writer) error {
	var at connection
	flags := flag.NewFlagSet("produce", flag.ContinueOnError)
	at.flags(flags)
	balancer := flags.String("balancer", "hash", "hash (FNV-1a) or murmur2")
	isHex := flags.Bool("hex", false, "keys and values are in hexadecimal, and - is none at all")
	if err := parse(flags, arguments, "brokers"); err != nil {
		return err
	}
	balancers := map[string]kafka.Balancer{"hash": &kafka.Hash{}, "murmur2": kafka.Murmur2Balancer{Consistent: true}}
	chosen, known := balancers[*balancer]
	if !known {
		return fmt.Errorf("no such balancer: %s", *balancer)
	}
	records, err := readRecords(from, *isHex)
	if err != nil {
		return err
	}

	out := bufio.NewWriter(to)
	writer := &kafka.Writer{
		Addr:         kafka.TCP(at.addresses()...),
		Topic:        at.topic,
		Balancer:     chosen,
		RequiredAcks: kafka.RequireAll,
		BatchTimeout: time.Millisecond,
		// The only place where a writer tells the offset.
		Completion: func(sent []kafka.Message, err error) {
			for _, record := range sent {
				if err == nil {
					fmt.Fprintf(out, "%d\t%d\t%x\n", record.Partition, record.Offset, record.Key)
				}
			}
		},
	}
	ctx, cancel := context.WithTimeout(context.Background(), at.timeout)
	defer cancel()
	for _, record := range records {
		if err := writer.WriteMessages(ctx, record); err != nil {
			return errors.Join(err, writer.Close(), out.Flush())
		}
	}
	return errors.Join(writer.Close(), out.Flush())
}

func readRecords(from io.Reader, isHex bool) ([]kafka.Message, error) {
	var records []kafka.Message
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, lineBytesMax)
	for number := 1; lines.Scan(); number++ {
		key, value, both := bytes.Cut(bytes.Clone(lines.Bytes()), []byte("\t"))
		if !both {
			return nil, fmt.Errorf("line %d has no tab", number)
		}
		if isHex {
			var err error
			if key, err = fromHex(key); err != nil {
				return nil, fmt.Errorf("line %d: key: %w", number, err)
			}
			if value, err = fromHex(value); err != nil {
				return nil, fmt.Errorf("line %d: value: %w", number, err)
			}
		}
		records = append(records, kafka.Message{Key: key, Value: value})
	}
	return records, lines.Err()
}

// A key or value that is absent is not one that is empty.
func fromHex(text []byte) ([]byte, error) {
	if string(text) == absent {
		return nil, nil
	}
	return hex.AppendDecode([]byte{}, text)
}

const absent = "-"

// consume joins a group, tells of so many records, and leaves: partition, offset, key, value. With -commit, exactly
// what it told of is committed before it leaves. Its client takes an empty value for an absent one, and so cannot tell.
func consume(arguments []string, to io.Writer) error {
	var at connection
	flags := flag.NewFlagSet("consume", flag.ContinueOnError)
	at.flags(flags)
	group := flags.String("group", "", "the consumer group")
	count := flags.Int("count", 0, "how many records to read")
	commit := flags.Bool("commit", false, "commit what was read")
	if err := parse(flags, arguments, "brokers", "group", "count"); err != nil {
		return err
	}

	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers:     at.addresses(),
		GroupID:     *group,
		Topic:       at.topic,
		StartOffset: kafka.FirstOffset,
		MaxWait:     100 * time.Millisecond,
	})
	ctx, cancel := context.WithTimeout(context.Background(), at.timeout)
	defer cancel()
	out := bufio.NewWriter(to)
	var read []kafka.Message
	for len(read) < *count {
		record, err := reader.FetchMessage(ctx)
		if err != nil {
			err = fmt.Errorf("after %d of %d records: %w", len(read), *count, err)
			return errors.Join(err, reader.Close(), out.Flush())
		}
		fmt.Fprintf(out, "%d\t%d\t%x\t%x\n", record.Partition, record.Offset, record.Key, record.Value)
		read = append(read, record)
	}
	if *commit {
		if err := reader.CommitMessages(ctx, read...); err != nil {
			return errors.Join(err, reader.Close(), out.Flush())
		}
	}
	return errors.Join(reader.Close(), out.Flush())
}
