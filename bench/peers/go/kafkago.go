package main

import (
	"context"
	"time"

	"github.com/segmentio/kafka-go"
)

// kafkaGo is what the first Go services do: read, and start a goroutine for each message. Tuned: larger reads and
// queues, commits in the background, and no more than 4,096 goroutines at once. No order is kept, and what is read is
// committed whether it is handled or not.
func kafkaGo(told settings) error {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers:        told.addresses(),
		GroupID:        told.group,
		Topic:          told.topic,
		StartOffset:    kafka.FirstOffset,
		IsolationLevel: kafka.ReadCommitted,
		MinBytes:       1,
		MaxBytes:       16 << 20,
		MaxWait:        100 * time.Millisecond,
		QueueCapacity:  10_000,
		CommitInterval: commitInterval,
	})
	all := newProgress(told)
	failed := make(chan error, 1)
	fail := func(err error) {
		select {
		case failed <- err:
		default: // one is enough
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	most := 4_096
	if told.handler > 0 {
		most = told.inFlight
	}
	places := make(chan struct{}, most)
	go func() {
		for {
			message, err := reader.ReadMessage(ctx)
			if err != nil {
				fail(err)
				return
			}
			all.begin()
			places <- struct{}{}
			go func() {
				if err := all.handle(message.Value); err != nil {
					fail(err)
				}
				all.add(1)
				<-places
			}()
		}
	}()
	if err := all.wait(failed); err != nil {
		return err
	}
	all.print()
	return reader.Close()
}
