package consumer

import (
	"context"
	"time"

	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/sqswire"
	"managed-thing-updater/internal/telemetry"
)

// drainRetry is the longest wait before another try, once receiving has ended.
const drainRetry = time.Second

// settleJobLocked makes a batch of deliveries that are lined up for their ending, and
// returns what carries it out.
func (c *Consumer) settleJobLocked(ending state, ds []*Delivery, now time.Time) func(context.Context) {
	if ending == lettering {
		for _, d := range ds {
			d.sending = true
		}
		return func(ctx context.Context) { c.sendLetters(ctx, ds) }
	}
	batch := make([]entry, len(ds))
	for i, d := range ds {
		d.busy = true
		c.renewals.Remove(d)
		most := maxVisibility - time.Minute - now.Sub(d.handleAt)
		delay := max(0, min(d.delay, most))
		batch[i] = entry{d, d.handle, int32((delay + time.Second - 1) / time.Second)}
	}
	return func(ctx context.Context) { c.settle(ctx, ending, batch) }
}

// settle deletes a batch, or makes it visible again. A crash before a delete took effect
// leaves messages that come again and are found to be applied, or to have a letter,
// already; one before a release leaves them to the end of their leases.
func (c *Consumer) settle(ctx context.Context, ending state, batch []entry) {
	start := time.Now()
	action := deleteAction
	var failed failures
	if ending == deleting {
		failed = c.deleteMessages(ctx, batch)
	} else {
		action = visibilityAction
		failed = c.changeVisibility(ctx, batch)
	}
	traceOf := func(i int) *telemetry.MessageTrace { return batch[i].d.msg.Trace }
	c.o.Traces.Settled(c.o.QueueURL, action, start, len(batch), traceOf, failed.requestID, sqswire.Code(failed.whole))

	var fresh []*Delivery
	c.mu.Lock()
	c.queues[ending].running--
	for i, e := range batch {
		d := e.d
		d.busy = false
		switch {
		case d.again != nil: // the release made it visible, and it was received again
			c.removeLocked(d)
			if next := c.acceptLocked(*d.again, d.handle, d.handleAt); next != nil {
				fresh = append(fresh, next)
			}
		case e.handle != d.handle: // received again meanwhile: only the newest handle surely deletes
			d.tries = 0
			c.renewalAtLocked(d, d.renewAt, d.early)
			c.enqueueLocked(d)
		default:
			c.settledLocked(d, failed.of(i))
		}
	}
	if ctx.Err() == nil {
		c.batchEndedLocked(ending, failed.whole != nil)
	}
	c.mu.Unlock()
	wake(c.keepWake)
	c.deliver(fresh...)
}

// settledLocked ends a message whose delete or release succeeded, or never will. If another
// try may help, it is tried later.
func (c *Consumer) settledLocked(d *Delivery, err error) {
	now := time.Now()
	switch {
	case err == nil:
		if d.state == deleting {
			d.msg.Deleted()
		} else {
			d.msg.Visible()
		}
		c.removeLocked(d)
	case sqswire.Final(err), !now.Before(d.liveUntilLocked()):
		// An outcome that was durable still is; the message may come again.
		d.refused = sqswire.Final(err)
		d.msg.Unsettled(sqswire.Code(err))
		c.log.Debug("message left to its lease's end", telemetry.MessageID(d.msg.ID), telemetry.TraceID(d.msg.Trace.TraceID()), telemetry.Code(sqswire.Code(err)))
		c.giveUpLocked(d)
	default:
		d.msg.Unsettled(sqswire.Code(err))
		c.settleFailedLocked(d, sqswire.Code(err), now)
	}
}

// sendLetters stores the letters of a batch. A crash after one was stored and before its
// message was deleted leaves both; the message comes again and its letter is written a
// second time.
func (c *Consumer) sendLetters(ctx context.Context, batch []*Delivery) {
	letters := make([]deadletter.Letter, len(batch))
	for i, d := range batch { // none of this changes once the message is to be a letter
		letters[i] = deadletter.Letter{Message: d.msg.Incoming, Update: d.update, Failure: *d.failure, Trace: d.msg.Trace}
	}
	request, cancel := context.WithTimeout(ctx, letterTimeout)
	defer cancel()
	errs := c.letters.Send(request, letters)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.queues[lettering].running--
	now := time.Now()
	var failed error
	stored := 0
	for i, d := range batch {
		d.sending = false
		if err := errs[i]; err != nil {
			failed = err
			continue
		}
		stored++
		c.finished.add(d.msg.ID, now)
		c.countLocked(d, message.DeadLettered)
		c.moveLocked(d, deleting)
	}
	if failed != nil {
		c.stuck[lettering].code = sqswire.Code(failed)
	}
	for i, d := range batch {
		if errs[i] == nil {
			continue
		}
		d.msg.LetterFailed(sqswire.Code(errs[i]))
		switch {
		case c.abandoned:
			c.strandLocked(d)
		case !now.Before(d.liveUntilLocked()) && !d.busy:
			c.loseLocked(d)
		default:
			c.letterFailedLocked(d, now)
		}
	}
	if ctx.Err() == nil {
		c.batchEndedLocked(lettering, stored == 0 && !sqswire.RefusedContent(failed))
	}
	if failed == nil || ctx.Err() == nil {
		c.errors.note(sendAction, failed) // the writer counts the requests
	}
	wake(c.keepWake)
}

// tryLaterLocked lines d up for another try, the last one right before its lease ends.
func (c *Consumer) tryLaterLocked(d *Delivery, now time.Time) {
	d.tries++
	often := c.o.Retry
	if c.poll.ended {
		often.Max = min(often.Max, drainRetry)
	}
	d.retryAt = now.Add(often.Delay(d.tries, 0, c.o.Rand))
	if last := d.liveUntilLocked(); d.retryAt.After(last) {
		d.retryAt = last // later it might be received again, and take up its room for another lease
	}
	if d.state != lettering { // a letter's lease is renewed while it is sent
		c.renewalAtLocked(d, d.renewAt, d.early)
	}
	c.enqueueLocked(d)
}
