package mailbox

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/queueurl"
	"managed-thing-updater/internal/retry"
	"managed-thing-updater/internal/sqswire"
)

// Sender sends letters to one queue as they are: body, attributes, trace header and
// message group byte for byte.
type Sender struct {
	requester
	url      string
	fifo     bool
	requests int
}

// NewSender makes a Sender for the queue, which is a FIFO queue if its URL ends in
// ".fifo". It is for one goroutine.
func NewSender(api API, queueURL string, p retry.Policy) *Sender {
	s := &Sender{url: queueURL, fifo: queueurl.FIFO(queueURL)}
	s.requester = requester{api: api, policy: p, count: func() { s.requests++ }}
	return s
}

// Requests is how many requests were sent so far.
func (s *Sender) Requests() int { return s.requests }

// Sent is what became of one letter.
type Sent struct {
	// ID is the MessageId under which it is in the queue now.
	ID string
	// At is when, by SQS's clock, in whole seconds, rounded down.
	At time.Time
	// Err is nil where it is stored. Where it is not nil, it may be stored all the
	// same: an answer that was lost.
	Err error
}

// Send sends up to 10 letters, each tried again where that may help. On a FIFO
// queue each gets a MessageDeduplicationId that is new for this Send and the same
// in all its tries: SQS drops a second copy of a try whose answer was lost, and
// none for having been sent at some other time.
func (s *Sender) Send(ctx context.Context, letters []*Letter) []Sent {
	move := rand.Text()
	sent := make([]Sent, len(letters))
	for first := 0; first < len(letters); {
		// What fits into one request: all its messages together have SQS's limit too.
		last, bytes := first+1, letters[first].Bytes()
		for last < len(letters) && bytes+letters[last].Bytes() <= sqswire.MaxBytes {
			bytes += letters[last].Bytes()
			last++
		}
		s.sendBatch(ctx, letters[first:last], sent[first:last], move+"-"+strconv.Itoa(first))
		first = last
	}
	return sent
}

// sendBatch sends one batch; move names it alone. Where SQS refuses the request for what is in it, which
// one of them did not say, each is sent alone.
func (s *Sender) sendBatch(ctx context.Context, letters []*Letter, sent []Sent, move string) {
	results := s.each(ctx, "SendMessageBatch", s.url, len(letters), func(ctx context.Context, left []int) ([]error, error) {
		in := &sqs.SendMessageBatchInput{QueueUrl: &s.url}
		for id, i := range left {
			in.Entries = append(in.Entries, s.entry(id, letters[i], move+"-"+strconv.Itoa(i)))
		}
		out, err := s.api.SendMessageBatch(ctx, in)
		if err != nil {
			return nil, err
		}
		at, ok := middleware.GetServerTime(out.ResultMetadata)
		if !ok {
			at = time.Now().Truncate(time.Second)
		}
		for _, e := range out.Successful {
			if k, ok := sqswire.Position(e.Id, len(left)); ok {
				sent[left[k]].ID, sent[left[k]].At = aws.ToString(e.MessageId), at
			}
		}
		return sqswire.Sent(out, len(left)), nil
	})
	for i, err := range results {
		if _, whole := errors.AsType[*RequestError](err); whole && len(letters) > 1 && sqswire.RefusedContent(err) {
			s.sendBatch(ctx, letters[i:i+1], sent[i:i+1], move+"-"+strconv.Itoa(i))
			continue
		}
		sent[i].Err = err
	}
}

func (s *Sender) entry(i int, l *Letter, deduplicationID string) types.SendMessageBatchRequestEntry {
	if s.fifo {
		return sqswire.CopyToFIFO(i, l.Message, l.Thing, deduplicationID)
	}
	return sqswire.Copy(i, l.Message)
}
