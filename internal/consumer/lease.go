package consumer

import (
	"context"
	"time"

	"go.uber.org/zap/zapcore"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/sqswire"
	"managed-thing-updater/internal/telemetry"
)

// renewMargin is how long before its end a long lease is renewed, at least.
const renewMargin = 30 * time.Second

// settleFirst is how long the delete of a settled message may take before its lease is
// renewed.
const settleFirst = 5 * time.Second

// leasedLocked records a lease of the given length. It is renewed when half of it is left.
// A long one is renewed later: when as much is left as half of a first lease, or 30 s if that
// is more. So a message whose wait was foreseen is renewed once.
func (c *Consumer) leasedLocked(d *Delivery, from time.Time, length time.Duration) {
	d.leaseEnd, d.renewFails = from.Add(length), 0
	margin := min(length/2, max(c.o.Visibility/2, renewMargin))
	at := d.leaseEnd.Add(-margin)
	if end := d.msg.HeldSince.Add(c.o.MaxHold); at.After(end) {
		at = end // to be released, if it still waits
	}
	c.renewalAtLocked(d, at, margin/2)
}

// renewalAtLocked sets when to look at the lease of d, if no operation is under way for d.
func (c *Consumer) renewalAtLocked(d *Delivery, at time.Time, early time.Duration) {
	if last := d.liveUntilLocked(); at.After(last) {
		at = last
	}
	d.renewAt, d.early = at, early
	if !d.busy && d.state < releasing {
		c.renewals.Set(d)
		if c.renewals.First() == d {
			wake(c.keepWake)
		}
	}
}

// takeRenewalsLocked returns the next batch to renew, nil if there is none now, and the
// deliveries that are lost and whose handler does not know yet. A batch is filled with
// those that are due soon.
func (c *Consumer) takeRenewalsLocked(now time.Time, expected time.Duration) (batch []entry, lost []*Delivery) {
	for len(batch) < sqswire.MaxEntries {
		d := c.renewals.First()
		if d == nil {
			break
		}
		if wait := d.renewAt.Sub(now); wait > 0 && (len(batch) == 0 || wait > d.early) {
			break
		}
		c.renewals.Remove(d)
		switch held := now.Sub(d.msg.HeldSince); {
		case !now.Before(d.liveUntilLocked()):
			if c.leaseOverLocked(d) {
				lost = append(lost, d)
			}
		case d.state == deleting && now.Sub(d.endedAt) >= deleteFor:
			// not renewed any more: its last try is right before the lease ends
		case d.state == deleting && d.tries == 0 && now.Sub(d.endedAt) < settleFirst:
			c.renewalAtLocked(d, d.endedAt.Add(settleFirst), 0)
		case d.state == lettering && d.sending && held >= c.o.MaxHold:
			c.renewalAtLocked(d, now.Add(settleFirst), 0)
		case d.state != deleting && held >= c.o.MaxHold:
			tell := d.state == waiting && c.tellLocked(d)
			d.msg.HeldTooLong()
			c.countLocked(d, message.Released)
			c.moveLocked(d, releasing)
			if tell {
				lost = append(lost, d)
			}
		default:
			d.busy = true
			batch = append(batch, entry{d, d.handle, c.leaseLengthLocked(d, now, expected)})
		}
	}
	return batch, lost
}

// leaseLengthLocked is the length of a renewal in seconds: as long as the message is
// expected to wait, within SQS's 12 hours from the receive.
func (c *Consumer) leaseLengthLocked(d *Delivery, now time.Time, expected time.Duration) int32 {
	length := max(c.o.Visibility, min(c.o.Visibility+min(expected, maxLease), maxLease))
	length = min(length, maxVisibility-time.Minute-now.Sub(d.handleAt))
	return int32(max(1, length/time.Second))
}

// leaseOverLocked ends what ends with the lease, and reports whether to tell the handler.
// The delete of a settled message is still tried once: the queue may take it.
func (c *Consumer) leaseOverLocked(d *Delivery) (tell bool) {
	switch {
	case d.state == releasing:
		c.giveUpLocked(d)
	case d.state == waiting, d.state == lettering && !d.sending:
		return c.loseLocked(d)
	}
	return false
}

// renew extends the leases of a batch. A crash during it leaves leases that end by
// themselves.
func (c *Consumer) renew(ctx context.Context, batch []entry) {
	start := time.Now() // the lease begins no sooner than this
	failed := c.changeVisibility(ctx, batch)

	c.mu.Lock()
	c.renewing--
	now := time.Now()
	var lost []*Delivery
	for i, e := range batch {
		d, err := e.d, failed.of(i)
		d.busy = false
		switch {
		case e.handle != d.handle: // received again meanwhile: the newest handle has a lease of its own
			c.renewalAtLocked(d, d.renewAt, d.early)
		case err == nil:
			d.msg.LeaseRenewed(time.Duration(e.seconds) * time.Second)
			c.leasedLocked(d, start, time.Duration(e.seconds)*time.Second)
		case sqswire.Final(err):
			d.leaseEnd, d.refused = now, true
			c.log.Debug("lease lost", telemetry.MessageID(d.msg.ID), telemetry.TraceID(d.msg.Trace.TraceID()), telemetry.Code(sqswire.Code(err)))
			if c.leaseOverLocked(d) {
				lost = append(lost, d)
			}
		default:
			d.renewFails++
			c.renewalAtLocked(d, now.Add(c.wait(d.renewFails)), 0)
		}
		c.enqueueLocked(d)
	}
	c.mu.Unlock()
	wake(c.keepWake)
	c.tellLost(lost)
}

// tellLost tells the handler, and the log.
func (c *Consumer) tellLost(lost []*Delivery) {
	if len(lost) == 0 {
		return
	}
	c.notices.Say(zapcore.WarnLevel, "messages that waited were lost to the queue: their leases ended, or they were held for as long as SQS allows", "", len(lost))
	for _, d := range lost {
		c.handler.Lost(d)
	}
}
