package localcloud

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxReceiveMessages = 10
	maxWait            = 20 * time.Second
)

// received is a message as ReceiveMessage gives it.
type received struct {
	MessageId              string
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             map[string]string        `json:",omitzero"`
	MD5OfMessageAttributes string                   `json:",omitzero"`
	MessageAttributes      map[string]wireAttribute `json:",omitzero"`
}

type receiveAnswer struct {
	Messages []received `json:",omitzero"`
}

// receiveSystemAttributes are the attributes that a receive may ask for.
var receiveSystemAttributes = []string{
	"All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
	"SequenceNumber", "MessageDeduplicationId", "MessageGroupId", "AWSTraceHeader", "DeadLetterQueueSourceArn",
}

func (s *SQS) receiveMessage(ctx context.Context, r *request, f *Fault) (any, *sqsError) {
	system := slices.Concat(r.AttributeNames, r.MessageSystemAttributeNames)
	for _, name := range system {
		if !slices.Contains(receiveSystemAttributes, name) && !settable(name) {
			return nil, modelled("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	q, items, err := s.receive(ctx, r, f)
	if err != nil {
		return nil, err
	}
	var out receiveAnswer
	for i := range items {
		out.Messages = append(out.Messages, q.received(&items[i], system, r.MessageAttributeNames))
	}
	return out, nil
}

// receive leases messages, waiting for them as long as the request asks.
func (s *SQS) receive(ctx context.Context, r *request, f *Fault) (*queue, []item, *sqsError) {
	s.mu.Lock()
	q := s.find(r.QueueUrl)
	if q == nil {
		s.mu.Unlock()
		return nil, nil, noSuchQueue()
	}
	most, lease, wait, err := q.receiveBounds(r)
	var again []item
	if err == nil && r.ReceiveRequestAttemptId != "" {
		again, err = q.attemptAgain(r.ReceiveRequestAttemptId, time.Now(), lease)
	}
	s.mu.Unlock()
	if err != nil || f.ReceiveNothing || again != nil {
		return q, again, err
	}
	if s.StrandAbortedPolls {
		ctx = context.WithoutCancel(ctx) // ends with the wait
	}
	deadline := time.Now().Add(wait)
	for {
		if ctx.Err() != nil {
			return q, nil, nil // takes nothing along
		}
		s.mu.Lock()
		if s.queues[q.name] != q {
			s.mu.Unlock()
			return nil, nil, noSuchQueue()
		}
		now := time.Now()
		items := q.take(now, most, lease)
		if len(items) > 0 || !now.Before(deadline) {
			q.attempted(r.ReceiveRequestAttemptId, now, items, false)
			s.mu.Unlock()
			// A client that goes away right here leaves the messages in
			// flight until their lease ends.
			return q, items, nil
		}
		if q.changed == nil {
			q.changed = make(chan struct{})
		}
		changed, until := q.changed, deadline
		if next := q.waiting.First(); next != nil && next.due.Before(until) {
			until = next.due
		}
		s.mu.Unlock()

		select {
		case <-changed:
		case <-time.After(until.Sub(now)):
		case <-ctx.Done():
		}
	}
}

// receiveBounds reads a receive's limits; the queue's are the defaults.
func (q *queue) receiveBounds(r *request) (most int, lease, wait time.Duration, err *sqsError) {
	most, lease, wait = 1, q.visibility, q.wait
	if n := r.MaxNumberOfMessages; n != nil {
		if *n < 1 || *n > maxReceiveMessages {
			return 0, 0, 0, invalidValue(*n, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
		}
		most = *n
	}
	if n := r.VisibilityTimeout; n != nil {
		if *n < 0 || *n > int(maxVisibility/time.Second) {
			return 0, 0, 0, invalidValue(*n, "VisibilityTimeout", "Must be between 0 and 43200, if provided.")
		}
		lease = time.Duration(*n) * time.Second
	}
	if n := r.WaitTimeSeconds; n != nil {
		if *n < 0 || *n > int(maxWait/time.Second) {
			return 0, 0, 0, invalidValue(*n, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
		}
		wait = time.Duration(*n) * time.Second
	}
	return most, lease, wait, q.checkAttemptID(r.ReceiveRequestAttemptId)
}

// received is what the client sees of an item, with the attributes it asked
// for.
func (q *queue) received(it *item, system, wanted []string) received {
	out := received{MessageId: it.id, ReceiptHandle: q.handle(it), MD5OfBody: it.bodyMD5, Body: it.body}
	if len(system) > 0 {
		out.Attributes = q.systemAttributes(it)
		if !slices.Contains(system, "All") {
			maps.DeleteFunc(out.Attributes, func(name, _ string) bool { return !slices.Contains(system, name) })
		}
	}
	if len(wanted) == 0 || len(it.attrs) == 0 {
		return out
	}
	given := it.attrs
	if !slices.Contains(wanted, "All") && !slices.Contains(wanted, ".*") {
		given = slices.DeleteFunc(slices.Clone(given), func(a attribute) bool { return !matches(wanted, a.name) })
	}
	if len(given) == 0 {
		return out
	}
	out.MD5OfMessageAttributes = it.attrsMD5
	if len(given) < len(it.attrs) {
		out.MD5OfMessageAttributes = attributesMD5(given)
	}
	out.MessageAttributes = make(map[string]wireAttribute, len(given))
	for _, a := range given {
		wire := wireAttribute{DataType: a.DataType, BinaryValue: a.BinaryValue}
		if !a.binary() {
			wire.StringValue = new(a.StringValue)
		}
		out.MessageAttributes[a.name] = wire
	}
	return out
}

// matches reports whether a name is asked for, itself or by a prefix such as
// "bar.*".
func matches(wanted []string, name string) bool {
	for _, w := range wanted {
		prefix, isPrefix := strings.CutSuffix(w, ".*")
		if w == name || isPrefix && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func (q *queue) systemAttributes(it *item) map[string]string {
	all := map[string]string{
		"SenderId":                         q.sqs.cloud.opts.Account,
		"SentTimestamp":                    millis(q.sqs.cloud.shown(it.sentAt)),
		"ApproximateReceiveCount":          strconv.Itoa(it.receives),
		"ApproximateFirstReceiveTimestamp": millis(q.sqs.cloud.shown(it.firstReceived)),
		"SequenceNumber":                   it.sequenceNumber(),
		"MessageDeduplicationId":           it.dedupID,
		"MessageGroupId":                   it.groupID,
		"AWSTraceHeader":                   it.trace,
		"DeadLetterQueueSourceArn":         it.deadLetterSource,
	}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
