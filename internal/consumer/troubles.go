package consumer

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/sqswire"
	"managed-thing-updater/internal/telemetry"
)

// troubles logs what is wrong with SQS: a line for each code with which an action
// fails, not each time, and one when the action works again.
type troubles struct {
	log     *zap.Logger
	metrics *telemetry.Metrics
	queue   *telemetry.QueueMetrics

	mu   sync.Mutex
	last map[string]trouble // by action; only those in trouble
}

type trouble struct {
	cause   awserror.Cause  // of the last failure
	since   time.Time       // of the first failure in a row
	at      time.Time       // of the last failure
	working bool            // it has worked since
	said    map[saying]bool // what has its line
}

// saying is what a line is about: who failed, and by what word.
type saying struct{ who, code string }

// maxSaid bounds the lines of one trouble.
const maxSaid = 8

// sendLetters is the action that stores letters.
const sendLetters = "SendMessageBatch"

// quiet is how long an action must not have failed before it is said to work
// again: an action that fails now and then says so once.
const quiet = 10 * time.Second

// permissions names what the worker's role needs, by action.
var permissions = map[string]string{
	"ReceiveMessage":               "sqs:ReceiveMessage on the source queue",
	"DeleteMessageBatch":           "sqs:DeleteMessage on the source queue",
	"ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility on the source queue",
	"SendMessageBatch":             "sqs:SendMessage on the dead-letter queue",
}

// effects says what the worker does while an action fails.
var effects = map[string]string{
	"ReceiveMessage":               "no messages come in",
	"DeleteMessageBatch":           "settled messages stay in the queue: some are held and deleting is tried again, the others come again when their lease ends and are only deleted then",
	"ChangeMessageVisibilityBatch": "leases are not renewed; messages that wait longer than their lease come again, and only as many are held as are called within one",
	"SendMessageBatch":             "messages that are to become dead letters stay in the source queue: some are held, the others come again later",
}

// note counts one request, begun at start, and logs what changed. A request that ended because
// ctx did tells nothing of SQS.
func (t *troubles) note(ctx context.Context, action string, start time.Time, err error) {
	switch {
	case err == nil:
		t.metrics.SQSRequest(action)
	case ctx.Err() != nil:
		return
	default:
		t.metrics.SQSRequest(action, sqswire.Code(err))
	}
	t.queue.Requested(action, time.Since(start), err != nil)
	t.changed(action, err)
}

// batch is note for a batch, of which SQS may have refused some entries though it
// answered 200: each of these is an error with its own code.
func (t *troubles) batch(ctx context.Context, action string, start time.Time, failed failures) {
	codes := sqswire.Codes(failed.entries)
	if len(codes) == 0 {
		t.note(ctx, action, start, failed.whole)
		return
	}
	var again, final error
	for _, err := range failed.entries {
		switch {
		case sqswire.Final(err):
			final = err
		case err != nil:
			again = err
		}
	}
	t.metrics.SQSRequest(action, codes...)
	t.queue.Requested(action, time.Since(start), true)
	if again != nil {
		t.changed(action, again)
	}
	if final != nil {
		t.handlesGone(action, final)
	}
}

// handlesGone says, once for as long as it goes on, that receipt handles are no good.
func (t *troubles) handlesGone(action string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, key := time.Now(), action+" of a handle"
	last, in := t.last[key]
	t.last[key] = trouble{cause: awserror.Of(err), since: now, at: now}
	if in && now.Sub(last.at) < quiet {
		return
	}
	t.log.Info("SQS refuses receipt handles: the leases ended, or the messages are gone; what is still in the queue comes again",
		telemetry.Action(action), telemetry.Code(sqswire.Code(err)), zap.Error(err))
}

// letters logs what changed in storing letters; their requests are counted by
// who sends them.
func (t *troubles) letters(ctx context.Context, err error) {
	if err == nil || ctx.Err() == nil {
		t.changed(sendLetters, err)
	}
}

func (t *troubles) changed(action string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	last, in := t.last[action]
	if err == nil {
		if in && now.Sub(last.at) >= quiet {
			delete(t.last, action)
			t.log.Info("SQS works again", telemetry.Action(action))
		} else if in {
			last.working = true
			t.last[action] = last
		}
		return
	}
	cause := awserror.Of(err)
	if !in {
		last.said = make(map[saying]bool)
	}
	if !in || last.working {
		last.since = now
	}
	last.cause, last.at, last.working = cause, now, false
	t.last[action] = last
	key := saying{cause.Who, cause.Code}
	if last.said[key] || len(last.said) == maxSaid {
		return
	}
	last.said[key] = true
	say := t.log.Warn
	if cause.NeedsAPerson() {
		say = t.log.Error
	}
	what, fix := advice(action, cause)
	say(what+": "+fix+"; until then "+effects[action], telemetry.Action(action), telemetry.Code(cause.Code), zap.Error(err))
}

// advice is who failed an action, and what to change.
func advice(action string, cause awserror.Cause) (what, fix string) {
	r := awserror.Request{Action: action, Permission: permissions[action], Setting: "WORKER_QUEUE_URL"}
	if action == sendLetters {
		r.Setting = "WORKER_DLQ_URL"
	}
	return cause.What(r), cause.Fix(r)
}
