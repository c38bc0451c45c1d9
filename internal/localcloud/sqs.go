package localcloud

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// SQS is the queue service.
type SQS struct {
	// StrandAbortedPolls makes a ReceiveMessage whose client has gone wait on
	// until its wait time ends, and take messages that nobody will see before
	// their visibility timeout ends. The real service may do that. In a
	// testing/synctest bubble the test has to outlive such polls. Set it before
	// the first request.
	StrandAbortedPolls bool

	cloud *Cloud

	mu       sync.Mutex // guards all below and every queue
	queues   map[string]*queue
	requests map[string]int
	lastSeq  uint64
}

// QueueOptions of a new queue. Zero means SQS's default.
type QueueOptions struct {
	FIFO              bool // ".fifo" is added to a name without it
	ContentBasedDedup bool
	Visibility        time.Duration // 30s
	DLQ               string        // name or URL of an existing queue of the same kind
	MaxReceiveCount   int           // with a DLQ; 0 is 1000, the most there is
	Retention         time.Duration // 4 days
	Delay             time.Duration // 0
	MaxBytes          int           // MaximumMessageSize; 0 is 1 MiB, the most there is
}

// Attribute is a message attribute.
type Attribute struct {
	DataType    string
	StringValue string
	BinaryValue []byte
}

// Message is what a producer sends.
type Message struct {
	Body        string
	GroupID     string
	DedupID     string // on a FIFO queue without it and without content-based deduplication: a new one
	Attributes  map[string]Attribute
	TraceHeader string
	Delay       time.Duration
	SentAt      time.Time // in place of now
	Receives    int       // that it has behind it
}

// Stored is a message that is still in its queue.
type Stored struct {
	ID, Body       string
	Attributes     map[string]Attribute
	TraceHeader    string
	GroupID        string
	DedupID        string // FIFO queues only
	SentAt         time.Time
	Receives       int
	InFlight       bool
	ReceiptHandle  string // of the last receive; "" for none
	SequenceNumber string // FIFO queues only
}

// CreateQueue makes a queue and returns its URL. It panics if SQS would
// refuse.
func (s *SQS) CreateQueue(name string, o QueueOptions) string {
	attrs := map[string]string{}
	if o.FIFO {
		attrs["FifoQueue"] = "true"
		if !strings.HasSuffix(name, fifoSuffix) {
			name += fifoSuffix
		}
	}
	if o.ContentBasedDedup {
		attrs["ContentBasedDeduplication"] = "true"
	}
	for key, d := range map[string]time.Duration{"VisibilityTimeout": o.Visibility, "MessageRetentionPeriod": o.Retention, "DelaySeconds": o.Delay} {
		if d != 0 {
			attrs[key] = strconv.Itoa(int(d / time.Second))
		}
	}
	if o.DLQ != "" {
		count := cmp.Or(o.MaxReceiveCount, maxMaxReceiveCount)
		attrs["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, s.arn(queueName(o.DLQ)), count)
	}
	if o.MaxBytes != 0 {
		attrs["MaximumMessageSize"] = strconv.Itoa(o.MaxBytes)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.create(name, attrs)
	if err != nil {
		panic("localcloud: CreateQueue " + name + ": " + err.message)
	}
	return q.url
}

// Send puts a message into a queue and returns its MessageId. It panics if
// SQS would refuse the message.
func (s *SQS) Send(url string, m Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.mustFind(url)
	if q.fifo && m.DedupID == "" && !q.contentDedup {
		m.DedupID = s.cloud.random.uuid()
	}
	sent, err := s.send(q, &m, m.Delay)
	if err != nil {
		panic("localcloud: Send: " + err.message)
	}
	return sent.id
}

// Messages returns everything that is still in the queue, in flight or delayed
// messages included, oldest first. It copies; it is no part of a fast path.
func (s *SQS) Messages(url string) []Stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.mustFind(url)
	q.promote(time.Now())
	out := make([]Stored, 0, len(q.items))
	for _, seq := range slices.Sorted(maps.Keys(q.items)) {
		it := q.items[seq]
		stored := Stored{
			ID: it.id, Body: it.body, TraceHeader: it.trace, GroupID: it.groupID, DedupID: it.dedupID,
			SentAt: it.sentAt, Receives: it.receives, InFlight: it.state == inFlight, SequenceNumber: it.sequenceNumber(),
		}
		if it.generation > 0 {
			stored.ReceiptHandle = q.handle(it)
		}
		if len(it.attrs) > 0 {
			stored.Attributes = map[string]Attribute{}
			for _, a := range it.attrs {
				stored.Attributes[a.name] = a.Attribute
			}
		}
		out = append(out, stored)
	}
	return out
}

// Len returns how many messages are still in the queue, as Messages would.
func (s *SQS) Len(url string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.mustFind(url)
	q.promote(time.Now())
	return len(q.items)
}

// Requests returns the number of requests so far by action, failed ones
// included.
func (s *SQS) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// Receives returns how often messages were handed out of the queue, deleted ones
// included, and how often the one that was handed out most.
func (s *SQS) Receives(url string) (all, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.mustFind(url)
	return q.receives, q.mostReceives
}

// Redeliver makes a copy of a message deliverable at once, though the message
// is in flight or was deleted: SQS delivers at least once. The copy has the
// same MessageId, and a receipt handle of its own with its receive. On a
// standard queue a delete by the older handle does not reach the copy. A
// deleted message is remembered only for so long; it panics for one that is
// not known.
func (s *SQS) Redeliver(url, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.mustFind(url)
	q.promote(time.Now())
	for _, it := range q.items {
		if it.id == id {
			q.redeliver(it)
			return
		}
	}
	for _, it := range q.deleted {
		if it.id == id {
			it.ghost = false
			q.add(it, visible, time.Time{})
			return
		}
	}
	panic("localcloud: Redeliver: no message " + id + " in " + url)
}

// find returns the queue of a URL or a name, or nil. The host does not count:
// people reach this service by several.
func (s *SQS) find(url string) *queue { return s.queues[queueName(url)] }

func (s *SQS) mustFind(url string) *queue {
	q := s.find(url)
	if q == nil {
		panic("localcloud: no queue " + url)
	}
	return q
}

func (s *SQS) arn(name string) string {
	return "arn:aws:sqs:" + s.cloud.opts.Region + ":" + s.cloud.opts.Account + ":" + name
}

// queueName is the last part of a queue's URL or ARN, or the name itself.
func queueName(s string) string { return s[strings.LastIndexAny(s, "/:")+1:] }
