package thingstate

import (
	"crypto/sha256"
	"iter"
	"slices"
	"time"

	"managed-thing-updater/internal/message"
)

// Record is what is remembered of one thing. It is plain data and never changes:
// what looks like a change returns a new record that may share memory with the
// old one. The caller may keep but not modify it.
type Record struct {
	Versions []Version    // at most one for each member
	Marks    []Mark       // oldest first; at most MaxMarks of one member
	Keys     []AppliedKey // oldest first; at most MaxKeys
}

// Version is a value of a member known to be applied.
type Version struct {
	Member string
	Order  *message.Order // never nil; shared, and never changed
	Digest Digest
	At     time.Time // when it was sent, by the store's clock; zero in a Result is now
	// Parts is set for the members that the API may merge by key (MetaData,
	// WiFiSimpleSetupConfiguration, CapabilitySchemas).
	Parts Parts
}

// Mark says that a call that carried this value was started and its outcome is
// not recorded: it may have been applied, or may yet be.
type Mark struct {
	Member string
	Digest Digest
	Order  *message.Order // never nil; shared, and never changed
	Token  uint64         // of the lease that set it
	At     time.Time      // when Acquire set it, by the store's clock
	// PartKeys are the keys that the value sets and that were not sent again since,
	// sorted; nil if they cannot be told apart.
	PartKeys []PartKey
	// Over is set if the call has ended: it will not be applied any more.
	Over bool
}

// MaxMarks bounds the marks of one member: those of calls that are over go first,
// then those whose value a younger one carries as well, then the oldest.
const MaxMarks = 4

// AppliedKey is the dedup key of an update that was settled.
type AppliedKey struct {
	Hash KeyHash
	At   time.Time // when it was recorded, by the store's clock
}

// KeyHash stands for a dedup key: 128 bits, so that two keys of one thing are
// taken for each other less often than hardware fails.
type KeyHash [16]byte

// HashKey returns the first half of the SHA-256 of a dedup key.
func HashKey(key string) KeyHash {
	sum := sha256.Sum256([]byte(key))
	return KeyHash(sum[:16])
}

// MaxKeys bounds the dedup keys remembered of one thing: the oldest go first.
const MaxKeys = 256

// Version is what is known to be applied of a member; false if nothing is.
func (r Record) Version(member string) (Version, bool) {
	if at := indexOf(r.Versions, member); at >= 0 {
		return r.Versions[at], true
	}
	return Version{}, false
}

// indexOf looks a member up; the API has few.
func indexOf(versions []Version, member string) int {
	for i := range versions {
		if versions[i].Member == member {
			return i
		}
	}
	return -1
}

// MarksOf are the marks of one member, oldest first.
func (r Record) MarksOf(member string) iter.Seq[Mark] {
	return func(yield func(Mark) bool) {
		for _, m := range r.Marks {
			if m.Member == member && !yield(m) {
				return
			}
		}
	}
}

// Seen reports whether an update with this dedup key was applied.
func (r Record) Seen(key string) bool {
	if len(r.Keys) == 0 {
		return false
	}
	h := HashKey(key)
	return slices.ContainsFunc(r.Keys, func(k AppliedKey) bool { return k.Hash == h })
}

// Unexpired returns what is left at now of a record last written at written: its
// versions and marks last as long as the record is written to within versionTTL,
// its dedup keys for dedupTTL each.
func (r Record) Unexpired(now, written time.Time, versionTTL, dedupTTL time.Duration) Record {
	if now.Sub(written) >= versionTTL {
		r.Versions, r.Marks = nil, nil
	}
	expired := func(k AppliedKey) bool { return now.Sub(k.At) >= dedupTTL }
	if slices.ContainsFunc(r.Keys, expired) {
		r.Keys = slices.DeleteFunc(slices.Clone(r.Keys), expired)
	}
	return r
}

// Marked returns the record with a mark for each intent, set at now under the
// lease with this token.
func (r Record) Marked(token uint64, intents []Intent, now time.Time) Record {
	if len(intents) == 0 {
		return r
	}
	marks := append(make([]Mark, 0, len(r.Marks)+len(intents)), r.Marks...)
	for _, in := range intents {
		marks = makeRoom(marks, in.Member)
		marks = append(marks, Mark{Member: in.Member, Digest: in.Digest, Order: in.Order, PartKeys: in.PartKeys, Token: token, At: now})
	}
	r.Marks = marks
	return r
}

// makeRoom makes room for one more mark of a member. A call that is over goes first, then
// one whose value a younger one carries as well, then the oldest.
func makeRoom(marks []Mark, member string) []Mark {
	var own []int // places, oldest first
	for i := range marks {
		if marks[i].Member == member {
			own = append(own, i)
		}
	}
	if len(own) < MaxMarks {
		return marks
	}
	drop := own[0]
	for n, i := range own {
		sameValue := func(j int) bool { return marks[j].Digest == marks[i].Digest }
		if marks[i].Over {
			drop = i
			break
		}
		if drop == own[0] && slices.ContainsFunc(own[n+1:], sameValue) {
			drop = i
		}
	}
	return slices.Delete(marks, drop, drop+1)
}

// Empty reports whether nothing is remembered: the record says nothing of any
// update.
func (r Record) Empty() bool { return len(r.Versions) == 0 && len(r.Marks) == 0 && len(r.Keys) == 0 }

// Finished returns the record after the lease with this token ended at now with
// res. Repeating it changes no more than the times.
func (r Record) Finished(token uint64, res Result, now time.Time) Record {
	r.Marks = res.marksLeft(r.Marks, token)
	r.Versions = res.versions(r.Versions, now)
	if len(res.Keys) > 0 {
		r.Keys = addKeys(r.Keys, res.Keys, now)
	}
	return r
}

// Preview is Finished without the times and the keys: it shows what res changes before that
// is written. It shares memory with res.
func (r Record) Preview(token uint64, res Result) Record {
	r.Marks = res.marksLeft(r.Marks, token)
	if len(r.Versions) == 0 { // of most things nothing is known, and a copy for each call adds up
		r.Versions = res.Applied
	} else {
		r.Versions = res.versions(r.Versions, time.Time{})
	}
	return r
}

// marksLeft returns the marks that stay when the lease with this token ends with res.
func (res Result) marksLeft(marks []Mark, token uint64) []Mark {
	var left []Mark
	for _, m := range marks {
		own, stays := m.Token == token, true
		switch res.Call {
		case OutcomeUnknown, MaybeApplied:
			stays = !own || res.sent(m)
			m.Over = m.Over || own && res.Call == MaybeApplied
		case Succeeded:
			m, stays = res.afterSuccess(m)
			stays = stays && !own
		case NotSent:
			stays = !own
		}
		if stays {
			left = append(left, m)
		}
	}
	return left
}

func (res Result) sent(m Mark) bool {
	return res.Sent == nil || slices.ContainsFunc(res.Sent, func(in Intent) bool {
		return in.Member == m.Member && in.Digest == m.Digest
	})
}

// afterSuccess returns what is left of an older mark when a call has succeeded: what
// was sent again after the marked call had landed is free of doubt. It reports false
// if nothing is left.
func (res Result) afterSuccess(m Mark) (Mark, bool) {
	at := indexOf(res.Applied, m.Member)
	if at < 0 || !m.Over && m.At.After(res.Landed) {
		return m, true
	}
	sent := res.Applied[at].Parts
	if m.PartKeys == nil || sent == nil {
		return m, false
	}
	m.PartKeys = slices.DeleteFunc(slices.Clone(m.PartKeys), sent.Has)
	return m, len(m.PartKeys) > 0
}

// versions returns what is known when res ends at now.
func (res Result) versions(known []Version, now time.Time) []Version {
	if len(res.Applied) == 0 {
		return known
	}
	room := len(known) // none to spare, for as long as they are remembered
	for _, v := range res.Applied {
		if indexOf(known, v.Member) < 0 {
			room++
		}
	}
	versions := append(make([]Version, 0, room), known...)
	for _, v := range res.Applied {
		if v.At.IsZero() {
			v.At = now
		}
		if at := indexOf(known, v.Member); at >= 0 {
			versions[at] = later(known[at], v)
			continue
		}
		v.Parts = v.Parts.newest()
		versions = append(versions, v)
	}
	return versions
}

// later returns what is known of a member after v was applied to what was known
// before. A version never goes backwards, which an older value could only do
// after a lost lease.
func later(known, v Version) Version {
	parts := known.Parts.with(v.Parts)
	if known.Order.After(*v.Order) {
		v = known
	}
	v.Member, v.Parts = known.Member, parts
	return v
}

// addKeys puts keys at the end; one that is there already counts from now on.
func addKeys(known []AppliedKey, keys []string, now time.Time) []AppliedKey {
	if len(known) == 0 && len(keys) == 1 {
		return []AppliedKey{{Hash: HashKey(keys[0]), At: now}}
	}
	fresh := make(map[KeyHash]bool, len(keys))
	for _, key := range keys {
		fresh[HashKey(key)] = true
	}
	all := make([]AppliedKey, 0, len(known)+len(fresh))
	for _, k := range known {
		if !fresh[k.Hash] {
			all = append(all, k)
		}
	}
	for _, key := range keys {
		if h := HashKey(key); fresh[h] {
			all = append(all, AppliedKey{Hash: h, At: now})
			delete(fresh, h) // the same key twice is one key
		}
	}
	return newest(all, MaxKeys)
}

// newest returns the last n of s, which is oldest first.
func newest[E any](s []E, n int) []E {
	return s[max(0, len(s)-n):]
}
