package mailbox

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/sqswire"
)

const (
	keepEvery   = 5 * time.Second
	givers      = 8                // batches of letters given back at once
	giveTimeout = 30 * time.Second // for all of them
)

// lease is how long letters are taken for: as long as the Box has been open, within
// its bounds. So each is renewed a handful of times however long it is held, and a
// process that is killed soon hides nothing for long.
func (b *Box) leaseLength() time.Duration {
	return min(max(time.Since(b.opened).Truncate(time.Second), minLease), maxLease)
}

// keep renews the leases of all that is held, until ctx ends.
func (b *Box) keep(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		due := b.choose(func(s *lease) bool { return time.Until(s.until) < s.length/2 })
		for batch := range chunks(due) {
			if ctx.Err() == nil {
				b.changeVisibility(ctx, batch, b.leaseLength())
			}
		}
	}
}

// choose lists the held leases for which ok holds.
func (b *Box) choose(ok func(*lease) bool) []*lease {
	b.mu.Lock()
	defer b.mu.Unlock()
	var chosen []*lease
	for _, s := range b.leases {
		if s.state == held && ok(s) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}

// changeVisibility hides up to 10 letters for so long from now on; 0 gives them
// back. A handle that SQS does not know any more is a lease that is lost; what
// fails otherwise stays as it is.
func (b *Box) changeVisibility(ctx context.Context, leases []*lease, length time.Duration) {
	handles := b.handles(leases)
	var start time.Time
	results := b.each(ctx, "ChangeMessageVisibilityBatch", b.url, len(leases), func(ctx context.Context, left []int) ([]error, error) {
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &b.url}
		for id, i := range left {
			in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id: sqswire.EntryID(id), ReceiptHandle: &handles[i], VisibilityTimeout: int32(length / time.Second),
			})
		}
		start = time.Now()
		out, err := b.api.ChangeMessageVisibilityBatch(ctx, in)
		if err != nil {
			return nil, err
		}
		return sqswire.VisibilityChanged(out, len(left)), nil
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range leases {
		switch {
		case s.state != held || s.handle != handles[i]: // deleted or received again meanwhile
		case results[i] == nil && length == 0, sqswire.HandleGone(results[i]):
			s.state, s.handle = lost, ""
			b.held--
		case results[i] == nil:
			s.length, s.until = length, start.Add(length)
		}
	}
}

// Close gives every letter back that is still held, and ends the Box. An error
// says how many stay hidden, and for how long.
func (b *Box) Close(ctx context.Context) error {
	b.endKeep()
	b.renewals.Wait() // a renewal behind a give-back would hide the letter again
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveTimeout)
	defer cancel()
	batches := make(chan []*lease)
	var workers sync.WaitGroup
	for range givers {
		workers.Go(func() {
			for batch := range batches {
				b.changeVisibility(ctx, batch, 0)
			}
		})
	}
	for batch := range chunks(b.choose(func(*lease) bool { return true })) {
		batches <- batch
	}
	close(batches)
	workers.Wait()

	var last time.Duration
	left := b.choose(func(s *lease) bool { return time.Until(s.until) > 0 })
	if len(left) == 0 {
		return nil
	}
	for _, s := range left {
		last = max(last, time.Until(s.until))
	}
	return fmt.Errorf("%d letters could not be given back: they stay hidden for another %s at most (giving back needs sqs:ChangeMessageVisibility on the queue)", len(left), last.Round(time.Second))
}
