package consumer

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/zap"

	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/priorityqueue"
	"managed-thing-updater/internal/queueurl"
	"managed-thing-updater/internal/retry"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

// API is the part of *sqs.Client that the consumer uses. The client's own retries are
// switched off on each call: the consumer alone retries.
type API interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// Letters stores dead letters. It returns one result for each letter, in their order; nil
// means stored. It retries nothing: the consumer does. Safe for use by many goroutines.
type Letters interface {
	Send(ctx context.Context, letters []deadletter.Letter) []error
}

// Handler takes messages over. Its methods must return soon, and wait for neither the queue
// nor the API. The consumer holds no lock while they run.
type Handler interface {
	// Deliver takes over what one receive brought. Each message is the handler's until one
	// of its ending methods, or Lost, is called.
	Deliver(ds []*Delivery)
	// Lost tells that the lease of d is gone: d must not wait any longer, and its ending
	// methods have no effect any more. It is called after Deliver has returned, at most
	// once, and never after an ending method took effect.
	Lost(d *Delivery)
}

// Admission decides how many more messages may come in. It may call the consumer back:
// no lock of the consumer's is held while it runs.
type Admission interface {
	// Admit decides how many more messages to receive now: n, up to most. held ones have no
	// outcome yet, and open polls may bring coming ones. If n is 0, the consumer asks again
	// after wait, or when Wake is called. It asks only if it has room for most.
	Admit(held, coming, most int) (n int, wait time.Duration)
}

// admitAll lets in what there is room for.
type admitAll struct{}

func (admitAll) Admit(_, _, most int) (n int, wait time.Duration) { return most, 0 }

// Options of a Consumer. Durations and bounds must be positive unless said otherwise.
type Options struct {
	QueueURL     string        // ends in .fifo for a FIFO queue
	Pollers      int           // open receives at most
	WaitTime     time.Duration // of a long poll, whole seconds, 0 to 20 s
	Visibility   time.Duration // first lease, whole seconds, up to 12 h
	MaxHeld      int           // messages held at most
	MaxHeldBytes int64         // bytes of their bodies and attributes at most
	// MaxHold is how long a message is held at most; 0: DefaultMaxHold. SQS ends every lease
	// 12 h after its receive, whatever was renewed.
	MaxHold time.Duration
	// ExpectedWait is how long a message that waits now will wait: renewals are as long.
	// Nil: 0. The consumer holds no lock while it runs; it runs often.
	ExpectedWait func() time.Duration
	Retry        retry.Policy // between tries of anything that failed
	// Admission decides how many messages come in. Nil: as many as there is room for.
	Admission Admission
	// Rand draws the waits between tries; safe for use by many goroutines. Nil: the
	// process's own.
	Rand     *rand.Rand
	Timeline *timeline.Log     // keeps the stories of messages; nil: there are none
	Traces   *telemetry.Traces // makes spans; nil: there are none
}

// DefaultMaxHold is MaxHold if it is not set.
const DefaultMaxHold = 11*time.Hour + 30*time.Minute

const (
	maxLease       = 15 * time.Minute // longest renewal, unless WORKER_VISIBILITY_TIMEOUT is longer
	maxVisibility  = 12 * time.Hour   // SQS's own limit, counted from the receive
	batchWait      = time.Second      // how long a delete waits for others to fill its batch
	deleteFor      = 15 * time.Minute // how long the lease of a message is renewed whose delete keeps failing
	requestTimeout = 10 * time.Second // one delete, release or renewal
	letterTimeout  = 30 * time.Second // one batch of letters
	pollGrace      = 10 * time.Second // how much longer than its wait a long poll may take
	heartbeat      = 5 * time.Second  // the loops turn at least this often
	partialWait    = time.Second      // a poll for n messages less than a batch waits (n-1) of these since the last poll

	maxRenewals = 8 // batches under way at once
	maxDeletes  = 8
	maxReleases = 32
	maxLetters  = 4

	finishedKept = 100_000        // ids of messages of which only the delete is missing
	finishedFor  = 14 * time.Hour // longer than any lease
)

// Consumer receives, leases and settles the messages of one queue.
type Consumer struct {
	api     API
	letters Letters
	handler Handler
	metrics *telemetry.Metrics
	history timeline.Recorder
	log     *zap.Logger
	o       Options
	fifo    bool

	errors  errorLog // has its own lock
	notices *telemetry.Notices

	keepWake chan struct{} // wakes Keep; one token
	pollWake chan struct{} // wakes Receive; one token

	mu sync.Mutex // guards all below, and every Delivery's fields

	held      map[string]*Delivery // by MessageId: all that take up room
	bytes     int64
	undecided int // of held: no outcome counted yet
	settling  int // of held: an ending was decided
	counts    map[message.Outcome]int
	received  int
	again     int
	stranded  int

	renewals priorityqueue.Queue[Delivery] // those of held that are idle, by when their lease needs something
	renewing int                           // batches under way
	queues   [gone + 1]*settleQueue        // by the state in which messages end
	stuck    [gone + 1]*stuck              // the same
	hidden   hidden
	finished *finished
	damaged  map[string]bool // kinds of damage that were logged

	flushing  int           // callers of Flush and Abandon: deletes wait for no full batch
	settled   chan struct{} // closed when settling reaches 0; nil while nobody waits
	abandoned bool          // letters that fail are released

	poll     pollState
	keepBeat time.Time
}

// New makes a Consumer; Receive and Keep set it to work.
func New(api API, letters Letters, h Handler, m *telemetry.Metrics, log *zap.Logger, o Options) *Consumer {
	if o.MaxHold <= 0 {
		o.MaxHold = DefaultMaxHold
	}
	if o.Admission == nil {
		o.Admission = admitAll{}
	}
	if o.ExpectedWait == nil {
		o.ExpectedWait = func() time.Duration { return 0 }
	}
	log = log.With(telemetry.Queue(o.QueueURL))
	queue := m.Source(o.QueueURL)
	return &Consumer{
		api: api, letters: letters, handler: h, metrics: m, log: log, o: o,
		history:  timeline.Recorder{Metrics: m, Queue: queue, Stories: o.Timeline},
		fifo:     queueurl.FIFO(o.QueueURL),
		errors:   errorLog{log: log, metrics: m, queue: queue, actions: map[string]actionErrors{}},
		notices:  telemetry.NewNotices(log),
		keepWake: make(chan struct{}, 1),
		pollWake: make(chan struct{}, 1),
		held:     map[string]*Delivery{},
		counts:   map[message.Outcome]int{},
		damaged:  map[string]bool{},
		renewals: priorityqueue.New(
			func(a, b *Delivery) bool { return a.renewAt.Before(b.renewAt) },
			func(d *Delivery) *int { return &d.renewalPlace },
		),
		queues: [gone + 1]*settleQueue{
			lettering: newSettleQueue(lettering, maxLetters),
			deleting:  newSettleQueue(deleting, maxDeletes),
			releasing: newSettleQueue(releasing, maxReleases),
		},
		stuck:    [gone + 1]*stuck{lettering: {}, deleting: {}, releasing: {}},
		hidden:   hidden{},
		finished: newFinished(finishedKept, finishedFor),
		poll:     pollState{wanted: 1, beat: time.Now()},
		keepBeat: time.Now(),
	}
}

// Wake has Receive ask again whether it may poll.
func (c *Consumer) Wake() { wake(c.pollWake) }

// wait is how long to wait after n failures in a row.
func (c *Consumer) wait(n int) time.Duration { return c.o.Retry.Delay(n, 0, c.o.Rand) }

// wake leaves a token for the one goroutine that waits on ch.
func wake(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
