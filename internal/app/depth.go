package app

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// depthEvery is how often the queue is asked for what waits in it.
const depthEvery = 15 * time.Second

// depth is about how many messages wait in the queue, behind those that are held.
// The zero value is ready for use, by many goroutines.
type depth struct {
	mu       sync.Mutex
	messages int
	known    bool
	asked    time.Time
}

func (d *depth) get() (messages int, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.messages, d.known
}

// due reports whether it is time to ask. Where all there is is held, nobody asks.
func (d *depth) due(more bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !more {
		d.messages, d.known = 0, false
		return false
	}
	return time.Since(d.asked) >= depthEvery
}

func (d *depth) set(messages int, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.messages, d.known, d.asked = messages, known, time.Now()
}

// watchDepth asks the queue how much waits in it, while there may be anything.
// Without an answer, for want of permission or for a moment, it is not known.
func (w *Worker) watchDepth(ctx context.Context) {
	if !w.depth.due(w.consumer.Stats().Full || w.admission.Full()) {
		return
	}
	n, err := w.queues.visible(ctx, w.cfg.QueueURL)
	w.depth.set(n, err == nil)
}

// visible is about how many messages of a queue could be received.
func (q *queues) visible(ctx context.Context, url string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	name := types.QueueAttributeNameApproximateNumberOfMessages
	out, err := q.api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(url), AttributeNames: []types.QueueAttributeName{name}})
	q.count("GetQueueAttributes", err)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(out.Attributes[string(name)])
}
