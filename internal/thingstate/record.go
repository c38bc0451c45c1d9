package thingstate

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"time"

	"managed-thing-updater/internal/message"
)

// Record is what is remembered of one thing. It is plain data and never changes:
// what looks like a change returns a new record that may share memory with the
// old one. The caller may keep but not modify it.
type Record struct {
	Versions map[string]Version // by member
	Marks    map[string][]Mark  // by member, oldest first; at most MaxMarks each
	Keys     []AppliedKey       // oldest first; at most MaxKeys
}

// Version is a value known to be applied.
type Version struct {
	Order  message.Order
	Digest Digest
	At     time.Time // when it was sent, by the store's clock; zero in a Result is now
	// Parts is set for the members that the API may merge by key (MetaData,
	// WiFiSimpleSetupConfiguration, CapabilitySchemas): the order of the last
	// value applied under each key, by PartKey. Bounded by MaxParts: the oldest
	// go first.
	Parts map[PartKey]message.Order
}

// PartKey is the hash of a key inside a member.
type PartKey uint64

// MaxParts bounds Version.Parts.
const MaxParts = 256

// Mark says that a call that carried this value was started and its outcome is
// not recorded: it may have been applied, or may yet be.
type Mark struct {
	Digest Digest
	Order  message.Order
	Token  uint64    // of the lease that set it
	At     time.Time // when Acquire set it, by the store's clock
	// Over is set where the call has ended: it will not be applied any more.
	Over bool
}

// MaxMarks bounds the marks of one member: the oldest go first.
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

// Seen reports whether an update with this dedup key was applied.
func (r Record) Seen(key string) bool {
	if len(r.Keys) == 0 {
		return false
	}
	h := HashKey(key)
	return slices.ContainsFunc(r.Keys, func(k AppliedKey) bool { return k.Hash == h })
}

// Live returns what is left at now of a record last written at written: its
// versions and marks last as long as the record is written to within versionTTL,
// its dedup keys for dedupTTL each.
func (r Record) Live(now, written time.Time, versionTTL, dedupTTL time.Duration) Record {
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
	marks := cloneOrMake(r.Marks)
	for _, in := range intents {
		m := Mark{Digest: in.Digest, Order: in.Order, Token: token, At: now}
		marks[in.Member] = newest(append(slices.Clip(marks[in.Member]), m), MaxMarks)
	}
	r.Marks = marks
	return r
}

// Empty reports whether nothing is remembered: the record says nothing of any
// update.
func (r Record) Empty() bool { return len(r.Versions) == 0 && len(r.Marks) == 0 && len(r.Keys) == 0 }

// Finished returns the record after the lease with this token ended at now with
// res. Repeating it changes no more than the times.
func (r Record) Finished(token uint64, res Result, now time.Time) Record {
	r.Marks = res.marksLeft(r.Marks, token)
	if len(res.Applied) > 0 {
		versions := cloneOrMake(r.Versions)
		for member, v := range res.Applied {
			if v.At.IsZero() {
				v.At = now
			}
			versions[member] = later(versions[member], v)
		}
		r.Versions = versions
	}
	if len(res.Keys) > 0 {
		r.Keys = addKeys(r.Keys, res.Keys, now)
	}
	return r
}

// marksLeft returns the marks that stay when the lease with this token ends with res.
func (res Result) marksLeft(marks map[string][]Mark, token uint64) map[string][]Mark {
	if res.Call == OutcomeUnknown {
		return marks
	}
	if res.Call == MaybeApplied {
		return ended(marks, token)
	}
	left := make(map[string][]Mark, len(marks))
	for member, ms := range marks {
		if _, applied := res.Applied[member]; applied && res.Call == Succeeded && !res.KeepMarks {
			continue
		}
		ms = slices.DeleteFunc(slices.Clone(ms), func(m Mark) bool { return m.Token == token })
		if len(ms) > 0 {
			left[member] = ms
		}
	}
	return left
}

// ended returns marks with those that the lease with this token set over.
func ended(marks map[string][]Mark, token uint64) map[string][]Mark {
	after := make(map[string][]Mark, len(marks))
	for member, ms := range marks {
		ms = slices.Clone(ms)
		for i := range ms {
			ms[i].Over = ms[i].Over || ms[i].Token == token
		}
		after[member] = ms
	}
	return after
}

// later returns what is known of a member after v was applied to what was known
// before. A version never goes backwards, which an older value could only do
// after a lost lease.
func later(known, v Version) Version {
	parts := mergeParts(known.Parts, v.Parts)
	if known.Order.After(v.Order) {
		v = known
	}
	v.Parts = parts
	return v
}

func mergeParts(known, applied map[PartKey]message.Order) map[PartKey]message.Order {
	switch {
	case len(applied) == 0:
		return known
	case len(known) == 0 && len(applied) <= MaxParts:
		return applied
	}
	parts := cloneOrMake(known)
	for key, o := range applied {
		if was, ok := parts[key]; !ok || o.After(was) {
			parts[key] = o
		}
	}
	if drop := len(parts) - MaxParts; drop > 0 {
		oldestFirst := slices.SortedFunc(maps.Keys(parts), func(a, b PartKey) int {
			return cmp.Or(parts[a].Compare(parts[b]), cmp.Compare(a, b))
		})
		for _, key := range oldestFirst[:drop] {
			delete(parts, key)
		}
	}
	return parts
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

func cloneOrMake[M ~map[K]V, K comparable, V any](m M) M {
	if m == nil {
		return make(M)
	}
	return maps.Clone(m)
}
