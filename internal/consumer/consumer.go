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
	"managed-thing-updater/internal/queueurl"
	"managed-thing-updater/internal/retry"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

// API is the part of *sqs.Client that the consumer uses. Its own retries are
// switched off on each call: retrying is the consumer's.
type API interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// Letters stores dead letters. It returns one result a letter, in their order;
// nil means stored. It may be called from several goroutines at once and retries
// nothing: the consumer does.
type Letters interface {
	Send(ctx context.Context, letters []deadletter.Letter) []error
}

// Handler takes messages over. Its methods must return soon and wait for neither
// the queue nor the API; no lock of the consumer's is held while they run.
type Handler interface {
	// Deliver takes over what one receive brought, each until one of its ending
	// methods is called or Lost is.
	Deliver(ds []*Delivery)
	// Lost tells that d's lease is gone: it must leave what waits, and its ending
	// methods have no effect any more. Called after Deliver has returned, at most
	// once, and never after an ending method took effect.
	Lost(d *Delivery)
}

// Options of a Consumer. Durations and bounds must be positive but where said
// otherwise.
type Options struct {
	QueueURL     string        // ends in .fifo for a FIFO queue
	Pollers      int           // ReceiveMessage calls under way at most
	WaitTime     time.Duration // long-poll wait, whole seconds, 0 to 20 s
	Visibility   time.Duration // first lease, whole seconds, up to 12 h
	MaxHeld      int           // messages held at most
	MaxHeldBytes int64         // their bodies' and attributes' bytes at most
	// MaxHold is how long a message is held at most; 0 is 11 h 30 min. SQS ends
	// every lease 12 h after its receive, whatever was renewed.
	MaxHold time.Duration
	// ExpectedWait is how long a message that waits now will wait, for the length
	// of renewals. Nil: 0. No lock is held while it runs; it runs often.
	ExpectedWait func() time.Duration
	Retry        retry.Policy // between tries of anything that failed
	// Admission decides how many messages come in. Nil: as many as there is room for.
	Admission Admission
	// Rand draws the waits between tries; safe for use by many goroutines. Nil:
	// the process's own.
	Rand *rand.Rand
	// Timeline takes down what happens to each message. Nil: nothing is.
	Timeline *timeline.Log
	// Traces makes spans. Nil: there are none.
	Traces *telemetry.Traces
}

const (
	maxLease       = 15 * time.Minute // longest renewal, where WORKER_VISIBILITY_TIMEOUT is not longer
	maxVisibility  = 12 * time.Hour   // SQS's own limit, counted from the receive
	defaultMaxHold = 11*time.Hour + 30*time.Minute

	linger         = time.Second      // a delete waits this long for others to fill its batch
	deleteFor      = 15 * time.Minute // deletes that keep failing hold their lease this long
	requestTimeout = 10 * time.Second // one delete, release or renewal
	letterTimeout  = 30 * time.Second // one batch of letters
	pollGrace      = 10 * time.Second // what a long poll may take beyond its wait
	heartbeat      = 5 * time.Second  // the loops turn at least this often
	fewerAfter     = time.Second      // since the last poll, for each message but one that a poll asks for less than a batch

	maxRenewals = 8 // batches under way at once
	maxDeletes  = 8
	maxReleases = 32
	maxLetters  = 4

	finishedKept = 100_000        // message ids of which only the delete is missing are remembered
	finishedFor  = 14 * time.Hour // longer than any lease
)

// Consumer receives, leases and settles the messages of one queue.
type Consumer struct {
	api     API
	letters Letters
	handler Handler
	metrics *telemetry.Metrics
	queue   *telemetry.QueueMetrics
	history timeline.Recorder
	log     *zap.Logger
	o       Options
	fifo    bool

	troubles troubles // has its own lock
	notices  *telemetry.Notices

	keepWake chan struct{} // wakes Keep; one token
	pollWake chan struct{} // wakes Receive; one token

	mu sync.Mutex // guards all below, and every Delivery's fields

	held     map[string]*Delivery // by MessageId: all that take up room
	bytes    int64
	undone   int // of held: no outcome counted yet
	settling int // of held: an ending was decided
	counts   map[message.Outcome]int
	received int
	again    int
	stranded int

	renewals timetable // all of held that are idle, by when their lease needs something
	renewing int       // batches under way
	lanes    map[state]*lane
	stuck    map[state]*stuck
	hidden   hidden
	finished *finished
	damaged  map[string]bool // kinds of damage that were logged

	flushing  int           // callers of Flush and Abandon: deletes do not linger
	settled   chan struct{} // closed when settling reaches 0; nil while nobody waits
	abandoned bool          // letters that fail are released

	poll     pollState
	keepBeat time.Time
}

// New makes a Consumer; Receive and Keep set it to work.
func New(api API, letters Letters, h Handler, m *telemetry.Metrics, log *zap.Logger, o Options) *Consumer {
	if o.MaxHold <= 0 {
		o.MaxHold = defaultMaxHold
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
		api: api, letters: letters, handler: h, metrics: m, queue: queue, log: log, o: o,
		history:  timeline.Recorder{Metrics: m, Queue: queue, Stories: o.Timeline},
		fifo:     queueurl.FIFO(o.QueueURL),
		troubles: troubles{log: log, metrics: m, queue: queue, last: map[string]trouble{}},
		notices:  telemetry.NewNotices(log),
		keepWake: make(chan struct{}, 1),
		pollWake: make(chan struct{}, 1),
		held:     map[string]*Delivery{},
		counts:   map[message.Outcome]int{},
		damaged:  map[string]bool{},
		renewals: renewalTimetable(),
		lanes: map[state]*lane{
			deleting:  newLane(deleting, maxDeletes),
			releasing: newLane(releasing, maxReleases),
			lettering: newLane(lettering, maxLetters),
		},
		stuck:    map[state]*stuck{deleting: {}, releasing: {}, lettering: {}},
		hidden:   hidden{},
		finished: newFinished(finishedKept, finishedFor),
		poll:     pollState{wanted: 1, beat: time.Now()},
		keepBeat: time.Now(),
	}
}

// Wake makes Receive look again whether it may poll.
func (c *Consumer) Wake() { wake(c.pollWake) }

// Stats is a snapshot.
type Stats struct {
	Held      int   // messages without an outcome yet
	Settling  int   // decided, and the queue does not know yet; letters not stored are in Held as well
	HeldBytes int64 // of all that take up room: Held and Settling
	Full      bool  // there is no room for a whole batch more

	Unstored  Stuck // of Held: their letters could not be stored, or are likely not to be
	Undeleted Stuck // of Settling: they could not be deleted, or are likely not to be

	Received int                     // a message received again while held left out
	Again    int                     // received again while held
	Outcomes map[message.Outcome]int // sums up to Received - Held
	Stranded int

	PollsOpen   int
	PollsCut    int
	LastReceive time.Time // when a receive last succeeded; zero: never

	// ReceiveBeat and KeepBeat are when the loops last turned: less than 10 s ago
	// while they run and are well.
	ReceiveBeat, KeepBeat time.Time

	OldestSentAt time.Time // of Held; zero where there is none
}

// Stuck are messages held for another try of what failed.
type Stuck struct {
	Messages int
	Since    time.Time // while there are any
	Code     string    // of the last failure, while there are any
}

func (s *stuck) stats() Stuck {
	if s.count == 0 {
		return Stuck{}
	}
	return Stuck{s.count, s.since, s.code}
}

// Stats looks at every message held: ask for it every second, not every message.
func (c *Consumer) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Stats{
		Held: c.undone, Settling: c.settling, HeldBytes: c.bytes,
		Received: c.received, Again: c.again, Outcomes: map[message.Outcome]int{}, Stranded: c.stranded,
		PollsOpen: c.poll.open, PollsCut: c.poll.cut, LastReceive: c.poll.last,
		ReceiveBeat: c.poll.beat, KeepBeat: c.keepBeat,
	}
	s.Unstored, s.Undeleted = c.stuck[lettering].stats(), c.stuck[deleting].stats()
	s.Full = c.room(len(c.held), c.bytes) < c.room(0, 0)
	for _, o := range message.Outcomes {
		s.Outcomes[o] = c.counts[o]
	}
	for _, d := range c.held {
		if !d.counted && (s.OldestSentAt.IsZero() || d.msg.SentAt.Before(s.OldestSentAt)) {
			s.OldestSentAt = d.msg.SentAt
		}
	}
	return s
}

// wait is how long to wait after n failures in a row.
func (c *Consumer) wait(n int) time.Duration { return c.o.Retry.Delay(n, 0, c.o.Rand) }

// wake leaves a token for the one goroutine that waits on ch.
func wake(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
