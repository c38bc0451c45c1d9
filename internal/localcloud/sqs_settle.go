package localcloud

import "time"

// settled answers an entry of a batch that deletes or changes visibility.
type settled struct{ Id string }

// delete takes a message out. On a standard queue the handle of a lease that
// ran out still deletes, unless the message was received again: then it
// "succeeds" and does nothing. On a FIFO queue both are errors.
func (q *queue) delete(e *entry) (any, *sqsError) {
	it, stale, err := q.holder(e.ReceiptHandle)
	if err != nil {
		return nil, err
	}
	q.promote(time.Now())
	switch {
	case it == nil: // deleted before
	case q.fifo && (stale || it.state != inFlight):
		return nil, invalidValue(e.ReceiptHandle, "ReceiptHandle", "The receipt handle has expired.")
	case stale:
	case it.ghost: // the original goes, the copy is delivered all the same
	default:
		q.remove(it)
		q.forget(it)
	}
	return settled{e.Id}, nil
}

// changeVisibility starts a lease anew, from now; 0 ends it.
func (q *queue) changeVisibility(e *entry) (any, *sqsError) {
	if e.VisibilityTimeout == nil {
		return nil, missing("VisibilityTimeout")
	}
	seconds := *e.VisibilityTimeout
	if seconds < 0 || seconds > int(maxVisibility/time.Second) {
		return nil, invalidValue(seconds, "VisibilityTimeout", "Must be between 0 and 43200.")
	}
	it, stale, err := q.holder(e.ReceiptHandle)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	q.promote(now)
	if it != nil && !stale && it.ghost {
		return settled{e.Id}, nil // the original's lease: the copy has none yet
	}
	if it == nil || stale || it.state != inFlight {
		return nil, invalidValue(e.ReceiptHandle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
	}
	due := now.Add(time.Duration(seconds) * time.Second)
	if due.Sub(it.receivedAt) > maxVisibility {
		return nil, invalidValue(seconds, "VisibilityTimeout", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	}
	it.touched = true
	if seconds == 0 {
		q.release(it)
	} else {
		q.enter(it, inFlight, due)
	}
	return settled{e.Id}, nil
}

// settle does what ends or changes the lease of one message.
func settle(do func(*queue, *entry) (any, *sqsError)) action {
	return onQueue(func(q *queue, r *request, _ *Fault) (any, *sqsError) {
		if r.ReceiptHandle == "" {
			return nil, missing("ReceiptHandle")
		}
		_, err := do(q, &r.entry)
		return nil, err
	})
}
