package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// payment is what each value is decoded into.
type payment struct {
	UserID string  `json:"userId"`
	Amount float64 `json:"amount"`
	Method string  `json:"method"`
}

// progress counts records up to the last, and takes the time from the first one on.
type progress struct {
	all     int64
	handler time.Duration
	begun   sync.Once
	since   time.Time
	handled atomic.Int64
	ended   chan struct{}
	took    time.Duration
}

func newProgress(told settings) *progress {
	return &progress{all: told.messages, handler: told.handler, ended: make(chan struct{})}
}

// begin says that a record is there.
func (p *progress) begin() { p.begun.Do(func() { p.since = time.Now() }) }

// handle decodes a value, and waits as long as a handler.
func (p *progress) handle(value []byte) error {
	var decoded payment
	if err := json.Unmarshal(value, &decoded); err != nil || decoded.UserID == "" {
		return fmt.Errorf("a record is no payment: %w", err)
	}
	if p.handler > 0 {
		time.Sleep(p.handler)
	}
	return nil
}

// add says that so many more are handled, and tells how many there are now.
func (p *progress) add(count int64) int64 {
	handled := p.handled.Add(count)
	if handled >= p.all && handled-count < p.all {
		p.took = time.Since(p.since)
		close(p.ended)
	}
	return handled
}

// print tells what it took.
func (p *progress) print() {
	fmt.Printf("messages=%d seconds=%.6f\n", p.all, p.took.Seconds())
}

// patience is how long a run may go without a record.
const patience = 30 * time.Second

// wait returns at the last record, or with an error if none comes any more or one failed.
func (p *progress) wait(failed <-chan error) error {
	before, ticker := int64(-1), time.NewTicker(patience)
	defer ticker.Stop()
	for {
		select {
		case <-p.ended:
			return nil
		case err := <-failed:
			return err
		case <-ticker.C:
			now := p.handled.Load()
			if now == before {
				return fmt.Errorf("%d of %d records came, and nothing for %s", now, p.all, patience)
			}
			before = now
		}
	}
}
