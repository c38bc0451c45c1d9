package consumer

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/zap/zapcore"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/sqswire"
	"managed-thing-updater/internal/telemetry"
)

// receive does one receive of up to n messages, whose room is reserved.
func (c *Consumer) receive(ctx, cut context.Context, n int) {
	start := time.Now()
	c.mu.Lock()
	a := c.nextAttemptLocked(n, start)
	c.mu.Unlock()
	out, err := c.receiveMessages(cut, a)
	if attemptOver(err) && !a.until.IsZero() {
		out, err = nil, nil // nothing is wrong with the queue: the next receive has an id of its own
	} else {
		c.errors.request(cut, receiveAction, start, err)
	}

	now := time.Now()
	var fresh []*Delivery
	c.mu.Lock()
	p := &c.poll
	p.open--
	p.reserved -= n
	p.reservedBytes -= int64(n) * sqswire.MaxBytes
	switch {
	case err != nil && (cut.Err() != nil || ctx.Err() != nil && mayHaveReceived(err)):
		p.cut++
		c.metrics.PollsCut.Inc()
		c.notices.Say(zapcore.WarnLevel, "long polls were cut, or their answers were lost, while the worker stops: what they carried is visible again when its visibility timeout ends", "", 1, telemetry.Wait(c.o.Visibility))
	case err != nil:
		if c.fifo && mayHaveReceived(err) {
			c.keepAttemptLocked(a, now)
		}
		if p.failing.IsZero() {
			p.failing = now
		}
		c.backOffLocked(&p.failures, start, now)
	case out == nil:
		p.failures, p.failing = 0, time.Time{}
	default:
		p.last, p.failures, p.failing = now, 0, time.Time{}
		c.history.Queue.Consumed(len(out.Messages))
		if ctx.Err() != nil {
			c.endReceivingLocked()
		}
		fresh = c.acceptAllLocked(out, start, now)
		c.adaptLocked(len(out.Messages), a.n, start, now)
	}
	c.mu.Unlock()
	wake(c.pollWake)
	c.deliver(fresh...)
}

// acceptAllLocked takes in what a receive brought, and returns what to hand over.
func (c *Consumer) acceptAllLocked(out *sqs.ReceiveMessageOutput, start, now time.Time) (fresh []*Delivery) {
	if len(out.Messages) == 0 {
		return nil
	}
	ahead := awshttp.ClockAhead(out.ResultMetadata)
	receiving := c.o.Traces.Receive(c.o.QueueURL, start, len(out.Messages), sqswire.RequestID(out.ResultMetadata))
	defer receiving.End()
	for i := range out.Messages {
		m := &out.Messages[i]
		in := sqswire.Incoming(m, now)
		in.ClockAhead = ahead
		if what := damage(m); what != "" {
			c.giveBackLocked(m, in, what, now)
			continue
		}
		if d := c.acceptLocked(in, sqswire.Handle(m), now); d != nil {
			d.msg.TracedBelow(receiving)
			fresh = append(fresh, d)
		}
	}
	return fresh
}
