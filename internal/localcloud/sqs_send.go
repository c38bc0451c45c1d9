package localcloud

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

const maxDelay = 15 * time.Minute

// send puts a message into a queue. The mutex is held.
func (s *SQS) send(q *queue, m *Message, delay time.Duration) (*item, *sqsError) {
	now := time.Now()
	attrs, err := checkAttributes(m.Attributes)
	if err != nil {
		return nil, err
	}
	size := len(m.Body)
	for i := range attrs {
		size += attrs[i].size()
	}
	switch {
	case m.Body == "":
		return nil, missing("MessageBody")
	case size > q.maxBytes:
		return nil, sender("InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", q.maxBytes)
	case !validCharacters(m.Body):
		return nil, invalidContents()
	case delay < 0 || delay > maxDelay:
		return nil, invalidValue(int(delay/time.Second), "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
	case q.fifo && m.GroupID == "":
		return nil, missing("MessageGroupId")
	case !q.fifo && m.DedupID != "":
		return nil, invalidValue(m.DedupID, "MessageDeduplicationId", "The request include parameter that is not valid for this queue type")
	case q.fifo && m.DedupID == "" && !q.contentDedup:
		return nil, sender("InvalidParameterValue", "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	}
	dedupID := m.DedupID
	if q.fifo && dedupID == "" {
		sum := sha256.Sum256([]byte(m.Body))
		dedupID = hex.EncodeToString(sum[:])
	}
	dedupKey := dedupID
	if q.dedupPerGroup {
		dedupKey = m.GroupID + "\x00" + dedupID
	}
	it := &item{fifo: q.fifo, message: &message{
		body: m.Body, bodyMD5: md5Hex(m.Body), attrs: attrs, attrsMD5: attributesMD5(attrs),
		trace: m.TraceHeader, groupID: m.GroupID, dedupID: dedupID, sentAt: now, enqueued: now,
	}}
	it.receives = m.Receives
	if !m.SentAt.IsZero() {
		it.sentAt = m.SentAt
	}
	if q.fifo {
		if before, ok := q.sentBefore(dedupKey, now); ok { // accepted, and not stored again
			it.id, it.seq = before.id, before.seq
			return it, nil
		}
	}
	it.id, it.seq = s.cloud.random.uuid(), s.nextSeq()
	it.order = it.seq
	if q.fifo {
		q.remember(dedupEntry{key: dedupKey, id: it.id, seq: it.seq, at: now})
	}
	if delay > 0 {
		q.add(it, delayed, now.Add(delay))
	} else {
		q.add(it, visible, time.Time{})
	}
	return it, nil
}

// accept is send, of what came over the wire.
func (q *queue) accept(e *entry) (*item, *sqsError) {
	if e.MessageBody == nil {
		return nil, missing("MessageBody")
	}
	delay := q.delay
	if e.DelaySeconds != nil {
		if q.fifo && *e.DelaySeconds != 0 {
			return nil, invalidValue(*e.DelaySeconds, "DelaySeconds", "The request include parameter that is not valid for this queue type.")
		}
		if !q.fifo {
			delay = time.Duration(*e.DelaySeconds) * time.Second
		}
	}
	m := &Message{Body: *e.MessageBody, GroupID: e.MessageGroupId, DedupID: e.MessageDeduplicationId}
	if len(e.MessageAttributes) > 0 {
		m.Attributes = make(map[string]Attribute, len(e.MessageAttributes))
		for name, a := range e.MessageAttributes {
			m.Attributes[name] = a.attribute()
		}
	}
	for name, a := range e.MessageSystemAttributes {
		if name != "AWSTraceHeader" || a.DataType != "String" {
			return nil, sender("InvalidParameterValue", "The message system attribute '%s' of type '%s' is not valid: only AWSTraceHeader of type String is.", name, a.DataType)
		}
		m.TraceHeader = a.attribute().StringValue
	}
	return q.sqs.send(q, m, delay)
}

func (a wireAttribute) attribute() Attribute {
	out := Attribute{DataType: a.DataType, BinaryValue: a.BinaryValue}
	if a.StringValue != nil {
		out.StringValue = *a.StringValue
	}
	return out
}

// sent answers a send; Id only in a batch.
type sent struct {
	Id                           string `json:",omitzero"`
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitzero"`
	MD5OfMessageSystemAttributes string `json:",omitzero"`
	MessageId                    string
	SequenceNumber               string `json:",omitzero"`
}

func sentAnswer(id string, it *item) sent {
	out := sent{
		Id: id, MD5OfMessageBody: it.bodyMD5, MD5OfMessageAttributes: it.attrsMD5,
		MessageId: it.id, SequenceNumber: it.sequenceNumber(),
	}
	if it.trace != "" {
		out.MD5OfMessageSystemAttributes = attributesMD5([]attribute{{"AWSTraceHeader", Attribute{DataType: "String", StringValue: it.trace}}})
	}
	return out
}

func (q *queue) sendMessage(r *request, _ *Fault) (any, *sqsError) { return q.sendEntry(&r.entry) }

func (q *queue) sendEntry(e *entry) (any, *sqsError) {
	it, err := q.accept(e)
	if err != nil {
		return nil, err
	}
	return sentAnswer(e.Id, it), nil
}

func (s *SQS) sendMessageBatch(ctx context.Context, r *request, f *Fault) (any, *sqsError) {
	size := 0
	for i := range r.Entries {
		e := &r.Entries[i]
		if e.MessageBody != nil {
			size += len(*e.MessageBody)
		}
		for name, a := range e.MessageAttributes {
			found := attribute{name, a.attribute()}
			size += found.size()
		}
	}
	if size > maxMessageBytes {
		return nil, batchError("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessageBytes, size)
	}
	return batchOf((*queue).sendEntry)(s, ctx, r, f)
}
