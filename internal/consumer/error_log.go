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

// errorLog counts the requests to SQS and remembers which actions fail. It logs a line for
// each new error of an action, not for each failure, and one when the action works again.
type errorLog struct {
	log     *zap.Logger
	metrics *telemetry.Metrics
	queue   *telemetry.QueueMetrics

	mu      sync.Mutex
	actions map[string]actionErrors // only actions that fail, or did lately
}

type actionErrors struct {
	cause   awserror.Cause // of the last failure
	since   time.Time      // of the first failure in a row
	at      time.Time      // of the last failure
	working bool           // it has worked since
	logged  map[errorKind]bool
}

// errorKind tells errors apart that have a line each.
type errorKind struct{ who, code string }

// maxLogged bounds the lines of one action, until it works again.
const maxLogged = 8

// The actions of SQS that the consumer and its letters need.
const (
	receiveAction    = "ReceiveMessage"
	deleteAction     = "DeleteMessageBatch"
	visibilityAction = "ChangeMessageVisibilityBatch"
	sendAction       = "SendMessageBatch"
)

// workingAfter is how long an action must not have failed before it is said to work
// again: an action that fails now and then is logged once.
const workingAfter = 10 * time.Second

// permissions names what the worker's role needs, by action.
var permissions = map[string]string{
	receiveAction:    "sqs:ReceiveMessage on the source queue",
	deleteAction:     "sqs:DeleteMessage on the source queue",
	visibilityAction: "sqs:ChangeMessageVisibility on the source queue",
	sendAction:       "sqs:SendMessage on the dead-letter queue",
}

// effects says what the worker does while an action fails.
var effects = map[string]string{
	receiveAction:    "no messages come in",
	deleteAction:     "settled messages stay in the queue: some are held and deleting is tried again, the others come again when their lease ends and are only deleted then",
	visibilityAction: "leases are not renewed; messages that wait longer than their lease come again, and only as many are held as are called within one",
	sendAction:       "messages that are to become dead letters stay in the source queue: some are held, the others come again later",
}

// request counts one request, begun at start, and notes how it ended. A request that ended
// because ctx did says nothing about SQS.
func (l *errorLog) request(ctx context.Context, action string, start time.Time, err error) {
	switch {
	case err == nil:
		l.metrics.SQSRequest(action)
	case ctx.Err() != nil:
		return
	default:
		l.metrics.SQSRequest(action, sqswire.Code(err))
	}
	l.queue.Requested(action, time.Since(start), err != nil)
	l.note(action, err)
}

// batch is request for a batch. SQS may have refused some entries though it answered 200:
// each of these is an error with its own code.
func (l *errorLog) batch(ctx context.Context, action string, start time.Time, failed failures) {
	codes := sqswire.Codes(failed.entries)
	if len(codes) == 0 {
		l.request(ctx, action, start, failed.whole)
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
	l.metrics.SQSRequest(action, codes...)
	l.queue.Requested(action, time.Since(start), true)
	if again != nil {
		l.note(action, again)
	}
	if final != nil {
		l.handlesGone(action, final)
	}
}

// handlesGone logs that receipt handles are no good: one line for as long as it goes on.
func (l *errorLog) handlesGone(action string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, key := time.Now(), action+" of a handle"
	last, in := l.actions[key]
	l.actions[key] = actionErrors{cause: awserror.Of(err), since: now, at: now}
	if in && now.Sub(last.at) < workingAfter {
		return
	}
	l.log.Info("SQS refuses receipt handles: the leases ended, or the messages are gone; what is still in the queue comes again",
		telemetry.Action(action), telemetry.Code(sqswire.Code(err)), zap.Error(err))
}

// note remembers how an action ended, and logs what changed by that.
func (l *errorLog) note(action string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	last, in := l.actions[action]
	if err == nil {
		if in && now.Sub(last.at) >= workingAfter {
			delete(l.actions, action)
			l.log.Info("SQS works again", telemetry.Action(action))
		} else if in {
			last.working = true
			l.actions[action] = last
		}
		return
	}
	cause := awserror.Of(err)
	if !in {
		last.logged = make(map[errorKind]bool)
	}
	if !in || last.working {
		last.since = now
	}
	last.cause, last.at, last.working = cause, now, false
	l.actions[action] = last
	kind := errorKind{cause.Who, cause.Code}
	if last.logged[kind] || len(last.logged) == maxLogged {
		return
	}
	last.logged[kind] = true
	log := l.log.Warn
	if cause.NeedsAPerson() {
		log = l.log.Error
	}
	what, fix := advice(action, cause)
	log(what+": "+fix+"; until then "+effects[action], telemetry.Action(action), telemetry.Code(cause.Code), zap.Error(err))
}

// last is what is remembered of an action that failed.
func (l *errorLog) last(action string) (actionErrors, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, in := l.actions[action]
	return last, in
}

// advice says who failed an action, and what to change.
func advice(action string, cause awserror.Cause) (what, fix string) {
	r := awserror.Request{Action: action, Permission: permissions[action], Setting: "WORKER_QUEUE_URL"}
	if action == sendAction {
		r.Setting = "WORKER_DLQ_URL"
	}
	return cause.What(r), cause.Fix(r)
}
