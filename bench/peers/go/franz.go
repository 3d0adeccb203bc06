package main

import (
	"context"
	"errors"
	"hash/maphash"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// commitRecords and commitInterval are those of payflow's pipeline and of the floors.
const (
	commitRecords  = 10_000
	commitInterval = time.Second
)

func franzClient(told settings) (*kgo.Client, error) {
	return kgo.NewClient(
		kgo.SeedBrokers(told.addresses()...),
		kgo.ConsumerGroup(told.group),
		kgo.ConsumeTopics(told.topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.AutoCommitMarks(),
		kgo.AutoCommitInterval(commitInterval),
		kgo.FetchMaxWait(100*time.Millisecond),
	)
}

// commits makes what is marked durable each 10,000 records; the client does it each second.
type commits struct {
	due  chan struct{}
	last int64
}

func newCommits(ctx context.Context, client *kgo.Client) *commits {
	c := &commits{due: make(chan struct{}, 1)}
	go func() {
		for range c.due {
			// What fails is committed by the next one.
			_ = client.CommitMarkedOffsets(ctx)
		}
	}()
	return c
}

// after is told how many records are polled, by one goroutine.
func (c *commits) after(polled int64) {
	if polled-c.last < commitRecords {
		return
	}
	c.last = polled
	select {
	case c.due <- struct{}{}:
	default: // one is due already
	}
}

// franzPlain is the loop of the client's own examples: poll, handle one record after another, mark, commit.
func franzPlain(told settings) error {
	ctx := context.Background()
	client, err := franzClient(told)
	if err != nil {
		return err
	}
	defer client.Close()
	all, commit := newProgress(told), newCommits(ctx, client)
	defer close(commit.due)

	failed := make(chan error, 1)
	go func() {
		for {
			fetches := client.PollFetches(ctx)
			if fetches.IsClientClosed() {
				return
			}
			if err := fetches.Err(); err != nil {
				failed <- err
				return
			}
			records := fetches.Records()
			if len(records) == 0 {
				continue
			}
			all.begin()
			for _, record := range records {
				if err := all.handle(record.Value); err != nil {
					failed <- err
					return
				}
			}
			client.MarkCommitRecords(records...)
			commit.after(all.add(int64(len(records))))
		}
	}()
	if err := all.wait(failed); err != nil {
		return err
	}
	all.print()
	return client.CommitMarkedOffsets(ctx)
}

// franzKeyed hands each record to one of a fixed number of goroutines by the hash of its key, so that the records of a
// key are handled one after another, and marks what is handled. What is marked covers what lies before it in the
// partition, handled or not: a crash can lose records. Keeping account of that would cost more.
func franzKeyed(told settings) error {
	ctx := context.Background()
	client, err := franzClient(told)
	if err != nil {
		return err
	}
	defer client.Close()
	all, commit := newProgress(told), newCommits(ctx, client)
	defer close(commit.due)

	failed := make(chan error, told.inFlight+1)
	lanes := make([]chan []*kgo.Record, told.inFlight)
	for i := range lanes {
		lanes[i] = make(chan []*kgo.Record, 4)
		go func() {
			for records := range lanes[i] {
				for _, record := range records {
					if err := all.handle(record.Value); err != nil {
						failed <- err
						return
					}
				}
				client.MarkCommitRecords(records...)
				all.add(int64(len(records)))
			}
		}()
	}

	go func() {
		seed, polled := maphash.MakeSeed(), int64(0)
		for {
			fetches := client.PollRecords(ctx, 64*told.inFlight)
			if fetches.IsClientClosed() {
				return
			}
			if err := fetches.Err(); err != nil && !errors.Is(err, context.Canceled) {
				failed <- err
				return
			}
			shares := make([][]*kgo.Record, told.inFlight)
			fetches.EachRecord(func(record *kgo.Record) {
				all.begin()
				lane := maphash.Bytes(seed, record.Key) % uint64(told.inFlight)
				shares[lane] = append(shares[lane], record)
				polled++
			})
			for lane, records := range shares {
				if len(records) > 0 {
					lanes[lane] <- records
				}
			}
			commit.after(polled)
		}
	}()
	if err := all.wait(failed); err != nil {
		return err
	}
	all.print()
	return client.CommitMarkedOffsets(ctx)
}
