package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

// queue is an SQS queue in memory with visibility timeouts, receipt handles and the faults
// that a test asks for. It fails the test on requests that
// SQS would refuse as a whole, and on two operations under way for one message.
type queue struct {
	t *testing.T

	// fault may fail or delay a request before it takes effect; n counts the
	// action's requests from 1. late does so after it took effect.
	fault func(ctx context.Context, action string, n int) error
	late  func(ctx context.Context, action string, n int) error
	// entry may fail an entry with a code; "!" in front marks the sender's fault.
	entry func(action, id string) string
	// twice hands out each message twice in one receive.
	twice bool
	// settled, if set, says whose outcome is durable: only these are deleted.
	settled func(id string) bool
	// nothing makes receives bring nothing, at once.
	nothing bool

	mu       sync.Mutex
	messages []*stored
	sent     int // by send, for ids that are never used twice
	requests map[string]int
	entries  map[string]int
	underWay map[string]bool // by message id
	changed  chan struct{}
}

type stored struct {
	id, body, handle string
	sent             time.Time
	visibleAt        time.Time
	received         time.Time // of the newest handle
	receives         int
	attributes       map[string]types.MessageAttributeValue
	noSystem         bool
}

func newQueue(t *testing.T) *queue {
	return &queue{t: t, requests: map[string]int{}, entries: map[string]int{}, underWay: map[string]bool{}, changed: make(chan struct{})}
}

func (q *queue) send(n int) (ids []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for range n {
		q.sent++
		id := fmt.Sprintf("m%d", q.sent)
		q.messages = append(q.messages, &stored{id: id, body: "body of " + id, sent: time.Now(), visibleAt: time.Now()})
		ids = append(ids, id)
	}
	q.ring()
	return ids
}

// add puts one message in as it is.
func (q *queue) add(m *stored) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m.sent, m.visibleAt = time.Now(), time.Now()
	q.messages = append(q.messages, m)
	q.ring()
}

// redeliver makes a message visible though it is in flight, as standard queues may.
func (q *queue) redeliver(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.find(id).visibleAt = time.Now()
	q.ring()
}

// takeAway hands a message to another consumer.
func (q *queue) takeAway(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m := q.find(id)
	m.receives++
	m.handle = fmt.Sprintf("%s#%d", m.id, m.receives)
	m.visibleAt, m.received = time.Now().Add(time.Hour), time.Now()
}

func (q *queue) find(id string) *stored {
	for _, m := range q.messages {
		if m.id == id {
			return m
		}
	}
	return nil
}

func (q *queue) ring() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// left are the ids still in the queue, visible those that anybody may receive.
func (q *queue) left() (ids []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		ids = append(ids, m.id)
	}
	return ids
}

func (q *queue) visible() (ids []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		if !m.visibleAt.After(time.Now()) {
			ids = append(ids, m.id)
		}
	}
	return ids
}

// receives is how often a message was handed out.
func (q *queue) receives(id string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.find(id).receives
}

// visibleIn is how long a message stays invisible.
func (q *queue) visibleIn(id string) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return time.Until(q.find(id).visibleAt)
}

func (q *queue) count(action string) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.requests[action]
}

func (q *queue) begin(ctx context.Context, action string) (n int, err error) {
	q.mu.Lock()
	q.requests[action]++
	n = q.requests[action]
	q.mu.Unlock()
	if q.fault != nil {
		if err := q.fault(ctx, action, n); err != nil {
			return n, err
		}
	}
	return n, ctx.Err()
}

func (q *queue) end(ctx context.Context, action string, n int) error {
	if q.late != nil {
		return q.late(ctx, action, n)
	}
	return nil
}

func (q *queue) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	n, err := q.begin(ctx, "ReceiveMessage")
	if err != nil {
		return nil, err
	}
	if in.MessageAttributeNames[0] != "All" {
		q.t.Error("a receive does not ask for all message attributes")
	}
	if q.nothing {
		return &sqs.ReceiveMessageOutput{}, nil
	}
	over := time.NewTimer(time.Duration(in.WaitTimeSeconds) * time.Second)
	defer over.Stop()
	for {
		out, changed, soonest := q.take(int(in.MaxNumberOfMessages), time.Duration(in.VisibilityTimeout)*time.Second)
		for _, m := range out.Messages {
			maps.DeleteFunc(m.Attributes, func(name, _ string) bool {
				return !slices.Contains(in.MessageSystemAttributeNames, types.MessageSystemAttributeName(name))
			})
		}
		if len(out.Messages) > 0 {
			return out, q.end(ctx, "ReceiveMessage", n)
		}
		soon := time.NewTimer(soonest)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-over.C:
			return out, q.end(ctx, "ReceiveMessage", n)
		case <-changed:
		case <-soon.C:
		}
		soon.Stop()
	}
}

func (q *queue) take(most int, lease time.Duration) (out *sqs.ReceiveMessageOutput, changed chan struct{}, soonest time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	out, soonest = &sqs.ReceiveMessageOutput{}, time.Hour
	for _, m := range q.messages {
		if wait := time.Until(m.visibleAt); wait > 0 {
			soonest = min(soonest, wait)
			continue
		}
		if len(out.Messages) >= most {
			break
		}
		m.receives++
		m.handle = fmt.Sprintf("%s#%d", m.id, m.receives)
		m.visibleAt, m.received = time.Now().Add(lease), time.Now()
		sdk := types.Message{MessageId: aws.String(m.id), Body: aws.String(m.body), ReceiptHandle: aws.String(m.handle), MessageAttributes: m.attributes}
		if !m.noSystem {
			sdk.Attributes = map[string]string{
				"SentTimestamp":           strconv.FormatInt(m.sent.UnixMilli(), 10),
				"ApproximateReceiveCount": strconv.Itoa(m.receives),
				"MessageGroupId":          "group", "SequenceNumber": "123", "AWSTraceHeader": "Root=1",
			}
		}
		out.Messages = append(out.Messages, sdk)
		if q.twice {
			m.handle += "again"
			sdk.ReceiptHandle = aws.String(m.handle)
			out.Messages = append(out.Messages, sdk)
		}
	}
	return out, q.changed, soonest
}

// batch runs an operation for each entry: empty if it is done, else a code.
func (q *queue) batch(ctx context.Context, action string, ids, handles []*string, do func(i int, m *stored) string) ([]types.BatchResultErrorEntry, error) {
	if len(ids) == 0 || len(ids) > 10 {
		q.t.Errorf("%s with %d entries", action, len(ids))
	}
	seen := map[string]bool{}
	q.mu.Lock()
	for i := range ids {
		id, _, _ := strings.Cut(*handles[i], "#")
		if seen[*ids[i]] || seen[*handles[i]] {
			q.t.Errorf("%s: entry %s, handle %s twice in a batch", action, *ids[i], *handles[i])
		}
		if q.underWay[id] {
			q.t.Errorf("%s: another operation is under way for %s", action, id)
		}
		seen[*ids[i]], seen[*handles[i]], q.underWay[id] = true, true, true
		q.entries[action]++
	}
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		for _, h := range handles {
			id, _, _ := strings.Cut(*h, "#")
			delete(q.underWay, id)
		}
	}()
	n, err := q.begin(ctx, action)
	if err != nil {
		return nil, err
	}
	var failed []types.BatchResultErrorEntry
	q.mu.Lock()
	for i, h := range handles {
		id, _, _ := strings.Cut(*h, "#")
		code := ""
		if q.entry != nil {
			code = q.entry(action, id)
		}
		if code == "" {
			switch m := q.find(id); {
			case m == nil || m.handle != *h: // an old handle: a delete "succeeds", a change does not
				if action != "DeleteMessageBatch" {
					code = "!InvalidParameterValue"
				}
			default:
				code = do(i, m)
			}
		}
		if code != "" {
			short, sender := strings.CutPrefix(code, "!")
			failed = append(failed, types.BatchResultErrorEntry{Id: ids[i], Code: aws.String(short), SenderFault: sender})
		}
	}
	q.ring()
	q.mu.Unlock()
	return failed, q.end(ctx, action, n)
}

func (q *queue) DeleteMessageBatch(ctx context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	var ids, handles []*string
	for _, e := range in.Entries {
		ids, handles = append(ids, e.Id), append(handles, e.ReceiptHandle)
	}
	failed, err := q.batch(ctx, "DeleteMessageBatch", ids, handles, func(_ int, m *stored) string {
		if q.settled != nil && !q.settled(m.id) {
			q.t.Errorf("%s is deleted though it was not settled", m.id)
		}
		q.messages = slices.DeleteFunc(q.messages, func(o *stored) bool { return o == m })
		return ""
	})
	if err != nil {
		return nil, err
	}
	out := &sqs.DeleteMessageBatchOutput{Failed: failed}
	for _, id := range succeeded(ids, failed) {
		out.Successful = append(out.Successful, types.DeleteMessageBatchResultEntry{Id: id})
	}
	return out, nil
}

func (q *queue) ChangeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, _ ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	var ids, handles []*string
	for _, e := range in.Entries {
		ids, handles = append(ids, e.Id), append(handles, e.ReceiptHandle)
	}
	failed, err := q.batch(ctx, "ChangeMessageVisibilityBatch", ids, handles, func(i int, m *stored) string {
		end := time.Now().Add(time.Duration(in.Entries[i].VisibilityTimeout) * time.Second)
		switch {
		case !m.visibleAt.After(time.Now()):
			return "!MessageNotInflight"
		case end.Sub(m.received) > 12*time.Hour:
			q.t.Errorf("%s is to be invisible for %s from its receive", m.id, end.Sub(m.received))
			return "!InvalidParameterValue"
		}
		m.visibleAt = end
		return ""
	})
	if err != nil {
		return nil, err
	}
	out := &sqs.ChangeMessageVisibilityBatchOutput{Failed: failed}
	for _, id := range succeeded(ids, failed) {
		out.Successful = append(out.Successful, types.ChangeMessageVisibilityBatchResultEntry{Id: id})
	}
	return out, nil
}

// succeeded are the entries that did not fail.
func succeeded(ids []*string, failed []types.BatchResultErrorEntry) []*string {
	return slices.DeleteFunc(slices.Clone(ids), func(id *string) bool {
		return slices.ContainsFunc(failed, func(f types.BatchResultErrorEntry) bool { return *f.Id == *id })
	})
}

func apiError(code string) error { return &smithy.GenericAPIError{Code: code, Message: "as told"} }

// fails has the requests of an action fail, while broken is set if it is given.
func fails(action string, err error, broken ...*atomic.Bool) func(context.Context, string, int) error {
	return func(_ context.Context, a string, _ int) error {
		if a == action && (len(broken) == 0 || broken[0].Load()) {
			return err
		}
		return nil
	}
}

// hangs has a request of an action hang until it is given up: the one with this number,
// each for 0.
func hangs(action string, number int) func(context.Context, string, int) error {
	return func(ctx context.Context, a string, n int) error {
		if a == action && (number == 0 || n == number) {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
}

// slow has a request of an action, or each for 0, take so long.
func slow(action string, number int, took time.Duration) func(context.Context, string, int) error {
	return func(_ context.Context, a string, n int) error {
		if a == action && (number == 0 || n == number) {
			time.Sleep(took)
		}
		return nil
	}
}

var errBroken = errors.New("connection reset by peer")

// sendAnd sends and lets the messages be received.
func (q *queue) sendAnd(n int) []string {
	ids := q.send(n)
	pass(0)
	return ids
}

// dice are rolled by many goroutines.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (d *dice) roll(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.IntN(n)
}
