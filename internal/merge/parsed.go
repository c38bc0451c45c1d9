package merge

import (
	"crypto/sha256"
	"hash/fnv"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/thingstate"
)

// parsedUpdate is what a merge needs of an update, worked out once for all its turns. It
// never changes.
type parsedUpdate struct {
	// order is a copy of the update's: a thing's record keeps it, and must not keep the
	// message's body alive by it.
	order   *message.Order
	members []parsedMember // as Update.Members
}

type parsedMember struct {
	digest thingstate.Digest
	parts  []message.Part   // nil for a member without keys, or if its keys cannot be told apart
	set    thingstate.Parts // what is known of the keys once the value is applied
}

func (it *Waiting) parse() *parsedUpdate {
	if it.parsed == nil {
		it.parsed = parse(it.Update)
	}
	return it.parsed
}

func parse(u *message.Update) *parsedUpdate {
	p := &parsedUpdate{order: new(u.Order), members: make([]parsedMember, len(u.Members))}
	for i, member := range u.Members {
		p.members[i].digest = digest(member.Value)
		if parts, keyed := message.Parts(member.Name, member.Value); keyed {
			p.members[i].parts, p.members[i].set = parts, partsSet(parts, p.order)
		}
	}
	return p
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
