package thingstate

import "time"

// encodeMarks returns what a Take leaves pending: whose it is, and a record that
// has the marks alone, without the token and the time that only the table knows.
func encodeMarks(by Holder, intents []Intent) []byte {
	marks := make([]Mark, len(intents))
	for i, in := range intents {
		marks[i] = Mark{Member: in.Member, Digest: in.Digest, Order: in.Order, PartKeys: in.PartKeys}
	}
	return append(by[:], encodeRecord(Record{Marks: marks}, time.Time{})...)
}

// decodeMarks reads what encodeMarks wrote, with the errors of decodeRecord.
func decodeMarks(b []byte) (Holder, []Intent, error) {
	if len(b) < len(Holder{}) {
		return Holder{}, nil, errDamaged
	}
	r, _, err := decodeRecord(b[len(Holder{}):])
	if err != nil {
		return Holder{}, nil, err
	}
	intents := make([]Intent, len(r.Marks))
	for i, m := range r.Marks {
		intents[i] = Intent{Member: m.Member, Digest: m.Digest, Order: m.Order, PartKeys: m.PartKeys}
	}
	return Holder(b[:8]), intents, nil
}
