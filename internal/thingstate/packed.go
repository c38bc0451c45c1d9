package thingstate

import (
	"maps"
	"slices"
	"time"
	"unique"
)

// packedRecord is a Record as Memory keeps it: slices, because a map of a few
// entries takes several times their size. Its methods do what those of Record
// do, without a map on the way; what they return takes the place of what they
// were called on, whose memory it uses.
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

// unpack returns the record as others see it. Its maps are its own, but for
// Version.Parts, which nobody changes.
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

// live is as Record.Live.
func (p packedRecord) live(now, written time.Time, versionTTL, dedupTTL time.Duration) packedRecord {
	if now.Sub(written) >= versionTTL {
		p.versions, p.marks = nil, nil
	}
	p.keys = Record{Keys: p.keys}.Live(now, now, versionTTL, dedupTTL).Keys
	return p
}

// marked is as Record.Marked.
func (p packedRecord) marked(token uint64, intents []Intent, now time.Time) packedRecord {
	p.marks = slices.Grow(p.marks, len(intents))
	for _, in := range intents {
		ofMember := func(m packedMark) bool { return m.member == in.Member }
		count := 0
		for _, m := range p.marks {
			if ofMember(m) {
				count++
			}
		}
		if count >= MaxMarks {
			oldest := slices.IndexFunc(p.marks, ofMember)
			p.marks = slices.Delete(p.marks, oldest, oldest+1)
		}
		p.marks = append(p.marks, packedMark{ownName(in.Member), Mark{Digest: in.Digest, Order: in.Order, Token: token, At: now}})
	}
	return p
}

// finished is as Record.Finished.
func (p packedRecord) finished(token uint64, res Result, now time.Time) packedRecord {
	switch res.Call {
	case OutcomeUnknown:
	case MaybeApplied:
		for i := range p.marks {
			p.marks[i].Over = p.marks[i].Over || p.marks[i].Token == token
		}
	default:
		p.marks = slices.DeleteFunc(p.marks, func(m packedMark) bool {
			_, applied := res.Applied[m.member]
			return m.Token == token || applied && res.Call == Succeeded && !res.KeepMarks
		})
		if len(p.marks) == 0 {
			p.marks = nil // most things have none, for as long as they are remembered
		}
	}
	if len(p.versions) == 0 {
		p.versions = slices.Grow(p.versions, len(res.Applied)) // no room to spare, for as long as they are remembered
	}
	for member, v := range res.Applied {
		if v.At.IsZero() {
			v.At = now
		}
		v.Parts = maps.Clone(v.Parts) // the caller's
		if at := slices.IndexFunc(p.versions, func(known packedVersion) bool { return known.member == member }); at >= 0 {
			p.versions[at].Version = later(p.versions[at].Version, v)
		} else {
			p.versions = append(p.versions, packedVersion{ownName(member), later(Version{}, v)})
		}
	}
	if len(res.Keys) > 0 {
		p.keys = addKeys(p.keys, res.Keys, now)
	}
	return p
}

// ownName returns one copy of a member's name for all records: the caller's may
// be a piece of a message's body, which must not be kept alive by it.
func ownName(member string) string { return unique.Make(member).Value() }
