package localcloud

import (
	"encoding/base64"
	"encoding/binary"
)

// A receipt handle is 8 bytes of the item's seq, 4 of its generation and 8
// that only the queue can have made, in base64. Clients take it as opaque.

func (q *queue) handle(it *item) string {
	b := binary.BigEndian.AppendUint64(nil, it.seq)
	b = binary.BigEndian.AppendUint32(b, it.generation)
	b = binary.BigEndian.AppendUint64(b, q.handleCheck(it.seq, it.generation))
	return base64.StdEncoding.EncodeToString(b)
}

func (q *queue) handleCheck(seq uint64, generation uint32) uint64 {
	return mix(mix(q.sqs.cloud.random.seed^q.id) ^ mix(seq) + uint64(generation))
}

// holder returns the item that a handle was given for, nil if it is gone,
// and whether it was received again since; or an error for what was never a
// handle of this queue.
func (q *queue) holder(handle string) (it *item, stale bool, err *sqsError) {
	b, wrong := base64.StdEncoding.DecodeString(handle)
	if wrong != nil || len(b) != 20 {
		return nil, false, malformedHandle(handle)
	}
	seq, generation := binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:])
	if q.handleCheck(seq, generation) != binary.BigEndian.Uint64(b[12:]) {
		return nil, false, malformedHandle(handle)
	}
	it = q.items[seq]
	return it, it != nil && it.generation != generation, nil
}
