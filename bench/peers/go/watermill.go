package main

import (
	"context"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
)

// watermillSubscriber handles and acknowledges one message after another, which is how the subscriber hands them over.
func watermillSubscriber(told settings) error {
	config := kafka.DefaultSaramaSubscriberConfig()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Interval = commitInterval
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	subscriber, err := kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers:               told.addresses(),
		Unmarshaler:           kafka.DefaultMarshaler{},
		OverwriteSaramaConfig: config,
		ConsumerGroup:         told.group,
	}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	messages, err := subscriber.Subscribe(context.Background(), told.topic)
	if err != nil {
		return err
	}
	all := newProgress(told)
	failed := make(chan error, 1)
	go func() {
		for message := range messages {
			all.begin()
			if err := all.handle(message.Payload); err != nil {
				failed <- err
				return
			}
			message.Ack()
			all.add(1)
		}
	}()
	if err := all.wait(failed); err != nil {
		return err
	}
	all.print()
	return subscriber.Close()
}
