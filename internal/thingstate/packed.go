package thingstate

import "unique"

// packedRecord is a Record as Memory keeps it: slices, because a map of a few
// entries takes several times their size.
type packedRecord struct {
	versions []packedVersion
	marks    []packedMark // those of one member oldest first
	keys     []AppliedKey // shared with the records handed out, which nobody changes
}

type packedVersion struct {
	member string
	Version
}

type packedMark struct {
	member string
	Mark
}

func pack(r Record) packedRecord {
	p := packedRecord{keys: r.Keys}
	if len(r.Versions) > 0 {
		p.versions = make([]packedVersion, 0, len(r.Versions))
	}
	for member, v := range r.Versions {
		p.versions = append(p.versions, packedVersion{ownName(member), v})
	}
	for member, marks := range r.Marks {
		for _, m := range marks {
			p.marks = append(p.marks, packedMark{ownName(member), m})
		}
	}
	return p
}

func (p packedRecord) unpack() Record {
	r := Record{Keys: p.keys}
	if len(p.versions) > 0 {
		r.Versions = make(map[string]Version, len(p.versions))
	}
	for _, v := range p.versions {
		r.Versions[v.member] = v.Version
	}
	if len(p.marks) > 0 {
		r.Marks = make(map[string][]Mark, 1)
	}
	for _, m := range p.marks {
		r.Marks[m.member] = append(r.Marks[m.member], m.Mark)
	}
	return r
}

// ownName returns one copy of a member's name for all records: the caller's may
// be a piece of a message's body, which must not be kept alive by it.
func ownName(member string) string { return unique.Make(member).Value() }
