// Package mailbox looks at the letters in a dead-letter queue, takes them out, and
// sends them on.
//
// SQS shows a message only to a receive, which counts against the message and hides
// it from everybody else for a while. A Box makes the least of both: it receives
// each letter once, keeps it hidden only for as long as the Box is open, and gives
// all of them back when it is closed. A process that is killed leaves them hidden
// until their lease ends: minLease, or as long as it had run by then, up to
// maxLease.
package mailbox

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/retry"
	"managed-thing-updater/internal/sqswire"
)

// API is what a Box and a Sender need of SQS. The client must not try again by
// itself.
type API interface {
	ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, o ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	ChangeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, o ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
	DeleteMessageBatch(ctx context.Context, in *sqs.DeleteMessageBatchInput, o ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput, o ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
	GetQueueAttributes(ctx context.Context, in *sqs.GetQueueAttributesInput, o ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

const (
	// MaxHeld is how many letters a Box holds at most. SQS lets about 120,000
	// messages of a queue be in flight, and hands out nothing beyond.
	MaxHeld = 100_000

	minLease = time.Minute
	maxLease = 15 * time.Minute
	// leftToSend is how much of a lease there must be for a letter to be moved: a
	// send and a delete take less.
	leftToSend = 20 * time.Second

	// pollGrace is what a receive may take beyond its wait.
	pollGrace = 10 * time.Second
)

// ErrFull says that a Box holds MaxHeld letters and can look at no more.
var ErrFull = fmt.Errorf("%d letters are held; SQS lets no more than about 120,000 be in flight", MaxHeld)

// Cost is what looking has cost so far.
type Cost struct {
	Letters  int // different letters received
	Again    int // receives of a letter that was received before
	Requests int // to SQS, of any kind
}

// Box holds the letters of one queue that were received through it. Safe for use
// by many goroutines.
type Box struct {
	requester
	url    string
	opened time.Time

	mu     sync.Mutex
	began  time.Time              // by SQS's clock, with the first receive; zero before
	leases map[MessageHash]*lease // of every letter received so far
	held   int
	cost   Cost

	renewals sync.WaitGroup
	endKeep  context.CancelFunc
}

// MessageHash stands for a MessageId, in less memory. Two MessageIds with one hash would
// need 2^64 letters.
type MessageHash [16]byte

// lease is our hold on one letter.
type lease struct {
	handle string // of the newest receive
	length time.Duration
	until  time.Time // the lease's end by our clock, never later than by SQS's
	state  state
}

type state int

const (
	held    state = iota
	deleted       // a delivery that comes nevertheless is deleted again
	lost          // the lease ran out or was taken away
)

// Open makes a Box, whose letters are kept until Close.
func Open(api API, queueURL string, p retry.Policy) *Box {
	b := &Box{url: queueURL, opened: time.Now(), leases: map[MessageHash]*lease{}}
	b.requester = requester{api: api, policy: p, count: func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.cost.Requests++
	}}
	ctx, cancel := context.WithCancel(context.Background())
	b.endKeep = cancel
	b.renewals.Go(func() { b.keep(ctx) })
	return b
}

// Next receives up to 10 letters, for which it waits, in whole seconds, and
// returns those never seen before through this Box. None does not mean that there
// are none left: look again.
//
// The end of ctx ends it between tries only: an open receive is let come back, as
// SQS may have handed out letters to it. So wait should be short.
func (b *Box) Next(ctx context.Context, wait time.Duration) ([]*Letter, error) {
	if b.Held() > MaxHeld-sqswire.MaxEntries {
		return nil, ErrFull
	}
	length := b.leaseLength()
	var start time.Time
	var out *sqs.ReceiveMessageOutput
	err := b.try(ctx, "ReceiveMessage", b.url, func(context.Context) (err error) {
		whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait+pollGrace)
		defer cancel()
		start = time.Now()
		out, err = b.api.ReceiveMessage(whole, &sqs.ReceiveMessageInput{
			QueueUrl: &b.url, MaxNumberOfMessages: sqswire.MaxEntries,
			WaitTimeSeconds: int32(wait / time.Second), VisibilityTimeout: int32(length / time.Second),
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
			MessageAttributeNames:       []string{"All"},
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	b.begin(out)
	letters, late := b.take(out.Messages, lease{length: length, until: start.Add(length)})
	// A crash before this leaves them in the queue, deleted once without effect.
	b.Delete(context.WithoutCancel(ctx), late)
	return letters, nil
}

// begin notes when the first receive was answered. Where SQS does not say, no letter
// counts as later.
func (b *Box) begin(first *sqs.ReceiveMessageOutput) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.began.IsZero() {
		return
	}
	if at, ok := middleware.GetServerTime(first.ResultMetadata); ok {
		b.began = at.Add(time.Second) // the header has whole seconds, rounded down
	} else {
		b.began = time.Now().AddDate(1, 0, 0)
	}
}

// take notes what was received: letters that are new, and those that come though
// they were deleted.
func (b *Box) take(messages []types.Message, fresh lease) (letters, late []*Letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range messages {
		m := &messages[i]
		id := HashOf(aws.ToString(m.MessageId))
		s, seen := b.leases[id]
		switch {
		case !seen:
			b.cost.Letters++
			b.held++
			s = &lease{}
			b.leases[id] = s
			l := newLetter(m, s)
			l.Later = !l.Message.SentAt.Before(b.began)
			letters = append(letters, l)
		case s.state == deleted:
			b.cost.Again++
			late = append(late, &Letter{lease: s})
		case s.state == lost:
			b.held++
			fallthrough
		default:
			b.cost.Again++
		}
		was := s.state
		*s = fresh
		s.handle = sqswire.Handle(m)
		if was == deleted {
			s.state = deleted
		}
	}
	return letters, late
}

// HashOf is the hash of a MessageId.
func HashOf(messageID string) MessageHash {
	sum := sha256.Sum256([]byte(messageID))
	return MessageHash(sum[:16])
}

// Holds reports whether a letter's lease lasts long enough for it to be moved.
// What was lost may be in somebody else's hands.
func (b *Box) Holds(l *Letter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return l.lease.state == held && time.Until(l.lease.until) >= leftToSend
}

// Delete takes letters out of the queue for good, and returns for each nil or why
// it may still be there.
func (b *Box) Delete(ctx context.Context, letters []*Letter) []error {
	results := make([]error, 0, len(letters))
	leases := make([]*lease, len(letters))
	for i, l := range letters {
		leases[i] = l.lease
	}
	for batch := range chunks(leases) {
		handles := b.handles(batch)
		results = append(results, b.each(ctx, "DeleteMessageBatch", b.url, len(batch), func(ctx context.Context, left []int) ([]error, error) {
			in := &sqs.DeleteMessageBatchInput{QueueUrl: &b.url}
			for id, i := range left {
				in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: sqswire.EntryID(id), ReceiptHandle: &handles[i]})
			}
			out, err := b.api.DeleteMessageBatch(ctx, in)
			if err != nil {
				return nil, err
			}
			return sqswire.Deleted(out, len(left)), nil
		})...)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range leases {
		if results[i] == nil && s.state != deleted {
			if s.state == held {
				b.held--
			}
			*s = lease{state: deleted}
		}
	}
	return results
}

func (b *Box) handles(leases []*lease) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	handles := make([]string, len(leases))
	for i, s := range leases {
		handles[i] = s.handle
	}
	return handles
}

// Held is how many letters are held.
func (b *Box) Held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// Cost returns what looking has cost so far.
func (b *Box) Cost() Cost {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cost
}
