package consumer

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/zap/zapcore"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/sqswire"
	"managed-thing-updater/internal/telemetry"
)

// request makes one ReceiveMessage. A crash after it leaves what it brought to the end
// of its first lease.
func (c *Consumer) request(cut context.Context, a attempt) (*sqs.ReceiveMessageOutput, error) {
	request, cancel := context.WithTimeout(cut, c.o.WaitTime+pollGrace)
	defer cancel()
	in := &sqs.ReceiveMessageInput{
		QueueUrl:                    &c.o.QueueURL,
		MaxNumberOfMessages:         int32(a.n),
		WaitTimeSeconds:             int32(c.o.WaitTime / time.Second),
		VisibilityTimeout:           int32(c.o.Visibility / time.Second),
		MessageSystemAttributeNames: sqswire.SystemAttributes,
		MessageAttributeNames:       []string{"All"},
	}
	if a.id != "" {
		in.ReceiveRequestAttemptId = aws.String(a.id)
	}
	return c.api.ReceiveMessage(request, in, onceOnly)
}

// receive does one receive of up to n messages, whose room is reserved.
func (c *Consumer) receive(ctx, cut context.Context, n int) {
	start := time.Now()
	c.mu.Lock()
	a := c.nextAttempt(n, start)
	c.mu.Unlock()
	out, err := c.request(cut, a)
	if attemptOver(err) && !a.until.IsZero() {
		err = nil // nothing is wrong with the queue: the next receive is one of its own
		out = nil
	} else {
		c.troubles.note(cut, "ReceiveMessage", start, err)
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
			c.lostAnswer(a, now)
		}
		if p.failing.IsZero() {
			p.failing = now
		}
		c.backOff(&p.failures, start, now)
	case out == nil:
		p.failures, p.failing = 0, time.Time{}
	default:
		p.last, p.failures, p.failing = now, 0, time.Time{}
		c.queue.Consumed(len(out.Messages))
		if ctx.Err() != nil {
			c.endReceiving()
		}
		fresh = c.acceptAll(out, start, now)
		c.adapt(len(out.Messages), a.n, start, now)
	}
	c.mu.Unlock()
	wake(c.pollWake)
	c.deliver(fresh...)
}

// acceptAll takes in what a receive brought and returns what is to be handed over.
func (c *Consumer) acceptAll(out *sqs.ReceiveMessageOutput, start, now time.Time) (fresh []*Delivery) {
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
			c.giveBack(m, in, what, now)
			continue
		}
		if d := c.accept(in, sqswire.Handle(m), now); d != nil {
			d.msg.TracedBelow(receiving)
			fresh = append(fresh, d)
		}
	}
	return fresh
}
