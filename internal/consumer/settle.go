package consumer

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/sqswire"
	"managed-thing-updater/internal/telemetry"
)

// drainRetry is how long what failed waits at most once receiving has ended.
const drainRetry = time.Second

// settling is one entry of a batch of deletes or releases.
type settling struct {
	d       *Delivery
	handle  string
	seconds int32 // of a release
}

// traceSettling makes the span of a batch of deletes or releases.
func (c *Consumer) traceSettling(action string, start time.Time, batch []settling, failed failures) {
	traceOf := func(i int) *telemetry.MessageTrace { return batch[i].d.msg.Trace }
	c.o.Traces.Settled(c.o.QueueURL, action, start, len(batch), traceOf, failed.requestID, sqswire.Code(failed.whole))
}

// takeSettlings makes a batch of deliveries that are lined up.
func (c *Consumer) takeSettlings(ds []*Delivery, now time.Time) []settling {
	batch := make([]settling, len(ds))
	for i, d := range ds {
		d.busy = true
		c.renewals.remove(d)
		most := maxVisibility - time.Minute - now.Sub(d.handleAt)
		delay := max(0, min(d.delay, most))
		batch[i] = settling{d, d.handle, int32((delay + time.Second - 1) / time.Second)}
	}
	return batch
}

// delete deletes a batch. A crash before it took effect leaves messages that
// come again and are found to be applied, or to have a letter, already.
func (c *Consumer) delete(ctx context.Context, batch []settling) {
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &c.o.QueueURL, Entries: make([]types.DeleteMessageBatchRequestEntry, len(batch))}
	for i := range batch {
		in.Entries[i] = types.DeleteMessageBatchRequestEntry{Id: sqswire.EntryID(i), ReceiptHandle: &batch[i].handle}
	}
	request, cancel := context.WithTimeout(ctx, c.bounded())
	defer cancel()
	start := time.Now()
	out, err := c.api.DeleteMessageBatch(request, in, onceOnly)
	failed := failures{whole: err}
	if err == nil {
		failed.entries = sqswire.Deleted(out, len(batch))
		failed.requestID = sqswire.RequestID(out.ResultMetadata)
	}
	c.troubles.batch(ctx, "DeleteMessageBatch", start, failed)
	c.traceSettling("DeleteMessageBatch", start, batch, failed)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.lanes[deleting].running--
	for i, s := range batch {
		s.d.busy = false
		if s.handle != s.d.handle { // received again meanwhile: only the newest handle surely deletes
			s.d.tries = 0
			c.renewalAt(s.d, s.d.renewAt, s.d.early)
			c.enqueue(s.d)
			continue
		}
		c.settledOr(s.d, failed.of(i))
	}
	if ctx.Err() == nil {
		c.batchEnded(deleting, failed.whole != nil)
	}
	wake(c.keepWake)
}

// release makes a batch visible again. A crash before it took effect leaves
// messages that are visible when their leases end.
func (c *Consumer) release(ctx context.Context, batch []settling) {
	in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &c.o.QueueURL}
	for i, s := range batch {
		in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id: sqswire.EntryID(i), ReceiptHandle: aws.String(s.handle), VisibilityTimeout: s.seconds,
		})
	}
	start := time.Now()
	failed := c.changeVisibility(ctx, in)
	c.traceSettling("ChangeMessageVisibilityBatch", start, batch, failed)

	c.mu.Lock()
	c.lanes[releasing].running--
	var fresh []*Delivery
	for i, s := range batch {
		d := s.d
		d.busy = false
		if d.again == nil {
			c.settledOr(d, failed.of(i))
			continue
		}
		c.remove(d)
		if next := c.accept(*d.again, d.handle, d.handleAt); next != nil {
			fresh = append(fresh, next)
		}
	}
	if ctx.Err() == nil {
		c.batchEnded(releasing, failed.whole != nil)
	}
	c.mu.Unlock()
	wake(c.keepWake)
	c.deliver(fresh...)
}

// settledOr ends a message whose delete or release got through, or cannot, and
// lines it up again where trying again may help.
func (c *Consumer) settledOr(d *Delivery, err error) {
	now := time.Now()
	switch {
	case err == nil:
		if d.state == deleting {
			d.msg.Deleted()
		} else {
			d.msg.Visible()
		}
		c.remove(d)
	case sqswire.Final(err), !now.Before(d.liveUntil()):
		// Given up. An outcome that was durable still is; the message may come again.
		d.refused = sqswire.Final(err)
		d.msg.Unsettled(sqswire.Code(err))
		c.log.Debug("message left to its lease's end", telemetry.MessageID(d.msg.ID), telemetry.TraceID(d.msg.Trace.TraceID()), telemetry.Code(sqswire.Code(err)))
		c.giveUp(d)
	default:
		d.msg.Unsettled(sqswire.Code(err))
		c.settleFailed(d, sqswire.Code(err), now)
	}
}

// sendLetters stores the letters of a batch. A crash after one was stored and
// before its message was deleted leaves both; the message comes again and its
// letter is written a second time.
func (c *Consumer) sendLetters(ctx context.Context, batch []*Delivery) {
	letters := make([]deadletter.Letter, len(batch))
	for i, d := range batch { // neither changes once the message is to be a letter
		letters[i] = deadletter.Letter{Message: d.msg.Incoming, Update: d.update, Failure: *d.failure, Trace: d.msg.Trace}
	}
	request, cancel := context.WithTimeout(ctx, letterTimeout)
	defer cancel()
	errs := c.letters.Send(request, letters)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.lanes[lettering].running--
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
		c.count(d, message.DeadLettered)
		c.move(d, deleting)
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
			c.strand(d)
		case !now.Before(d.liveUntil()) && !d.busy:
			c.lose(d)
		default:
			c.letterFailed(d, now)
		}
	}
	if ctx.Err() == nil {
		c.batchEnded(lettering, stored == 0 && !sqswire.RefusedContent(failed))
	}
	c.troubles.letters(ctx, failed)
	wake(c.keepWake)
}

// tryLater lines d up for another try, the last one right before its lease ends.
func (c *Consumer) tryLater(d *Delivery, now time.Time) {
	d.tries++
	often := c.o.Retry
	if c.poll.ended {
		often.Max = min(often.Max, drainRetry)
	}
	d.retryAt = now.Add(often.Delay(d.tries, 0, c.o.Rand))
	if last := d.liveUntil(); d.retryAt.After(last) {
		d.retryAt = last // later it might be received again, and take up its room for another lease
	}
	if d.state != lettering { // a letter's lease was kept beside its sending
		c.renewalAt(d, d.renewAt, d.early)
	}
	c.enqueue(d)
}
