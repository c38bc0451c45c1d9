package merge

import (
	"crypto/sha256"
	"hash/fnv"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// reading is what an update comes to, worked out once for all its turns. It never
// changes.
type reading struct {
	// order is the update's own in a place of its own: a thing's record keeps it,
	// and must not keep the message's body alive by it.
	order   *message.Order
	members []memberReading // as Update.Members
}

type memberReading struct {
	digest thingstate.Digest
	parts  []message.Part   // nil for a member without keys, or whose keys cannot be told apart
	set    thingstate.Parts // what is known of the keys once the value is applied
}

// read returns the update's reading.
func (it *Waiting) read() *reading {
	if it.reading == nil {
		it.reading = newReading(it.Update)
	}
	return it.reading
}

func newReading(u *message.Update) *reading {
	r := &reading{order: new(u.Order), members: make([]memberReading, len(u.Members))}
	for i, member := range u.Members {
		read := memberReading{digest: digest(member.Value)}
		if parts, keyed := message.Parts(member.Name, member.Value); keyed {
			read.parts, read.set = parts, partsSet(parts, r.order)
		}
		r.members[i] = read
	}
	return r
}

// partsSet is what is known of keys once their values of one order are applied.
func partsSet(parts []message.Part, order *message.Order) thingstate.Parts {
	set := make([]thingstate.Part, len(parts))
	for i, part := range parts {
		set[i] = thingstate.Part{Key: partKey(part.Key), Order: order}
	}
	return thingstate.NewParts(set)
}

func partKey(key string) thingstate.PartKey {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // never fails
	return thingstate.PartKey(h.Sum64())
}

func digest(raw []byte) thingstate.Digest {
	sum := sha256.Sum256(raw)
	return thingstate.Digest(sum[:len(thingstate.Digest{})])
}
