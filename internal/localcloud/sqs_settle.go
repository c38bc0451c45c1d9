package localcloud

import (
	"context"
	"time"
)

// settled answers an entry of a batch that deletes or changes visibility.
type settled struct{ Id string }

// delete takes a message out. On a standard queue the handle of a lease that
// ran out still deletes, unless the message was received again: then it
// "succeeds" and does nothing. On a FIFO queue both are errors.
func (q *queue) delete(handle string) *sqsError {
	it, stale, err := q.holder(handle)
	if err != nil {
		return err
	}
	q.promote(time.Now())
	switch {
	case it == nil: // deleted before
	case q.fifo && (stale || it.state != inFlight):
		return invalidValue(handle, "ReceiptHandle", "The receipt handle has expired.")
	case stale:
	case it.ghost: // the original goes, the copy is delivered all the same
	default:
		q.remove(it)
		q.forget(it)
	}
	return nil
}

// changeVisibility starts a lease anew, from now; 0 ends it.
func (q *queue) changeVisibility(e *entry) *sqsError {
	if e.VisibilityTimeout == nil {
		return missing("VisibilityTimeout")
	}
	seconds := *e.VisibilityTimeout
	if seconds < 0 || seconds > int(maxVisibility/time.Second) {
		return invalidValue(seconds, "VisibilityTimeout", "Must be between 0 and 43200.")
	}
	it, stale, err := q.holder(e.ReceiptHandle)
	if err != nil {
		return err
	}
	now := time.Now()
	q.promote(now)
	if it != nil && !stale && it.ghost {
		return nil // the original's lease: the copy has none yet
	}
	if it == nil || stale || it.state != inFlight {
		return invalidValue(e.ReceiptHandle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
	}
	due := now.Add(time.Duration(seconds) * time.Second)
	if due.Sub(it.receivedAt) > maxVisibility {
		return invalidValue(seconds, "VisibilityTimeout", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	}
	it.touched = true
	if seconds == 0 {
		q.release(it)
	} else {
		q.enter(it, inFlight, due)
	}
	return nil
}

func (s *SQS) deleteMessage(_ context.Context, r *request, _ *Fault) (any, *sqsError) {
	return nil, s.settle(r, func(q *queue) *sqsError { return q.delete(r.ReceiptHandle) })
}

func (s *SQS) changeMessageVisibility(_ context.Context, r *request, _ *Fault) (any, *sqsError) {
	return nil, s.settle(r, func(q *queue) *sqsError { return q.changeVisibility(&r.entry) })
}

func (s *SQS) settle(r *request, do func(*queue) *sqsError) *sqsError {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.find(r.QueueUrl)
	if q == nil {
		return noSuchQueue()
	}
	if r.ReceiptHandle == "" {
		return missing("ReceiptHandle")
	}
	return do(q)
}

func (s *SQS) deleteMessageBatch(_ context.Context, r *request, f *Fault) (any, *sqsError) {
	return s.batch(r, f, func(q *queue, e *entry) (any, *sqsError) {
		return settled{e.Id}, q.delete(e.ReceiptHandle)
	})
}

func (s *SQS) changeMessageVisibilityBatch(_ context.Context, r *request, f *Fault) (any, *sqsError) {
	return s.batch(r, f, func(q *queue, e *entry) (any, *sqsError) {
		return settled{e.Id}, q.changeVisibility(e)
	})
}
