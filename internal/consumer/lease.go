package consumer

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"go.uber.org/zap/zapcore"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/sqswire"
	"managed-thing-updater/internal/telemetry"
)

// renewMargin is how long before its end a long lease is renewed at the least.
const renewMargin = 30 * time.Second

// settleFirst is how long a settled message's delete may be under way before its
// lease is renewed.
const settleFirst = 5 * time.Second

// leased records a lease of the given length from now on. It is renewed when
// half of it is left, a long one later: when half of the first lease, and at
// least 30 s, is left. So a message whose wait was foreseen is renewed once.
func (c *Consumer) leased(d *Delivery, from time.Time, length time.Duration) {
	d.leaseEnd, d.renewFails = from.Add(length), 0
	margin := min(length/2, max(c.o.Visibility/2, renewMargin))
	at := d.leaseEnd.Add(-margin)
	if end := d.msg.HeldSince.Add(c.o.MaxHold); at.After(end) {
		at = end // to be released, if it still waits
	}
	c.renewalAt(d, at, margin/2)
}

// renewalAt lines d up for its lease to be looked at, in an idle moment.
func (c *Consumer) renewalAt(d *Delivery, at time.Time, early time.Duration) {
	if last := d.liveUntil(); at.After(last) {
		at = last
	}
	d.renewAt, d.early = at, early
	if !d.busy && d.state < releasing {
		c.renewals.set(d)
		if c.renewals.first() == d {
			wake(c.keepWake)
		}
	}
}

// renewal is one entry of a batch.
type renewal struct {
	d       *Delivery
	handle  string
	seconds int32
}

// takeRenewals returns the next batch to renew, nil where there is none now, and
// the deliveries whose handler is to be told that they are lost. A batch is
// filled with those that are due soon.
func (c *Consumer) takeRenewals(now time.Time, expected time.Duration) (batch []renewal, lost []*Delivery) {
	for len(batch) < sqswire.MaxEntries {
		d := c.renewals.first()
		if d == nil {
			break
		}
		if wait := d.renewAt.Sub(now); wait > 0 && (len(batch) == 0 || wait > d.early) {
			break
		}
		c.renewals.pop()
		switch held := now.Sub(d.msg.HeldSince); {
		case !now.Before(d.liveUntil()):
			if c.leaseOver(d) {
				lost = append(lost, d)
			}
		case d.state == deleting && now.Sub(d.endedAt) >= deleteFor:
			// given up: its last try is the one before the lease ends
		case d.state == deleting && d.tries == 0 && now.Sub(d.endedAt) < settleFirst:
			c.renewalAt(d, d.endedAt.Add(settleFirst), 0)
		case d.state == lettering && d.sending && held >= c.o.MaxHold:
			c.renewalAt(d, now.Add(settleFirst), 0)
		case d.state != deleting && held >= c.o.MaxHold:
			tell := d.state == waiting && c.tell(d)
			d.msg.HeldTooLong()
			c.count(d, message.Released)
			c.move(d, releasing)
			if tell {
				lost = append(lost, d)
			}
		default:
			d.busy = true
			batch = append(batch, renewal{d, d.handle, c.leaseLength(d, now, expected)})
		}
	}
	return batch, lost
}

// leaseLength is how long a renewal lasts, in seconds: as long as the message is
// expected to wait, within SQS's 12 hours from the receive.
func (c *Consumer) leaseLength(d *Delivery, now time.Time, expected time.Duration) int32 {
	length := max(c.o.Visibility, min(c.o.Visibility+min(expected, maxLease), maxLease))
	length = min(length, maxVisibility-time.Minute-now.Sub(d.handleAt))
	return int32(max(1, length/time.Second))
}

// leaseOver ends what ends with the lease and reports whether the handler is to
// be told. What was settled is still tried once: the queue may take it.
func (c *Consumer) leaseOver(d *Delivery) (tell bool) {
	switch {
	case d.state == releasing:
		c.giveUp(d)
	case d.state == waiting, d.state == lettering && !d.sending:
		return c.lose(d)
	}
	return false
}

// renew extends the leases of a batch. A crash during it leaves leases that end
// by themselves.
func (c *Consumer) renew(ctx context.Context, batch []renewal) {
	in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &c.o.QueueURL}
	for i, r := range batch {
		in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id: sqswire.EntryID(i), ReceiptHandle: aws.String(r.handle), VisibilityTimeout: r.seconds,
		})
	}
	start := time.Now() // the lease begins no sooner than this
	failed := c.changeVisibility(ctx, in)

	c.mu.Lock()
	c.renewing--
	now := time.Now()
	var lost []*Delivery
	for i, r := range batch {
		d, err := r.d, failed.of(i)
		d.busy = false
		switch {
		case r.handle != d.handle: // received again meanwhile: the newest handle has a lease of its own
			c.renewalAt(d, d.renewAt, d.early)
		case err == nil:
			d.msg.LeaseRenewed(time.Duration(r.seconds) * time.Second)
			c.leased(d, start, time.Duration(r.seconds)*time.Second)
		case sqswire.Final(err):
			d.leaseEnd, d.refused = now, true
			c.log.Debug("lease lost", telemetry.MessageID(d.msg.ID), telemetry.TraceID(d.msg.Trace.TraceID()), telemetry.Code(sqswire.Code(err)))
			if c.leaseOver(d) {
				lost = append(lost, d)
			}
		default:
			d.renewFails++
			c.renewalAt(d, now.Add(c.wait(d.renewFails)), 0)
		}
		c.enqueue(d)
	}
	c.mu.Unlock()
	wake(c.keepWake)
	c.tellLost(lost)
}

// tellLost wants c.mu free.
func (c *Consumer) tellLost(lost []*Delivery) {
	if len(lost) == 0 {
		return
	}
	c.notices.Say(zapcore.WarnLevel, "messages that waited were lost to the queue: their leases ended, or they were held for as long as SQS allows", "", len(lost))
	for _, d := range lost {
		c.handler.Lost(d)
	}
}
