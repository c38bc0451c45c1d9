package thingstate

import (
	"context"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// MemoryOptions bounds a Memory. Zero or less means the default.
type MemoryOptions struct {
	DedupTTL   time.Duration // how long a dedup key is remembered; default 24 h
	VersionTTL time.Duration // how long a record is remembered after its last write; default 24 h
	Bytes      int64         // what is remembered takes at most, leases held now left out; default 64 MiB
}

// Memory is the store of a worker that is alone: it lives and ends with the
// process. A crash leaves nothing behind, marks included, so after a restart the
// fence starts anew.
//
// What it remembers is bounded in bytes. If they are full, the things that were written to
// longest ago go first, with their versions, marks and dedup keys; Stats says how far
// back it still remembers everything. A thing under a lease never goes. If nothing is
// known of a thing when its lease ends, it takes no place: things that the API refuses or
// does not know push nothing out.
//
// No full scan and no goroutine frees what has run out: each Finish frees a few of the
// records that were written to longest ago.
type Memory struct {
	dedupTTL, versionTTL time.Duration
	mostBytes            int64
	began                time.Time

	mu     sync.Mutex // guards all below
	token  uint64     // of the last lease; one count for all things, so it outlives a forgotten record
	things map[string]*memoryEntry
	byUse  lruList
	bytes  int64 // of all entries
	forgot forgotten
}

// memoryEntry is one thing's. Its times are since the store began, by the monotonic
// clock: they take a third of the room of a time.Time.
type memoryEntry struct {
	thing   string
	token   uint64        // of the last lease
	until   time.Duration // the last lease's end; 0 once finished
	written time.Duration
	record  Record
	bytes   int64

	newer, older *memoryEntry // in byUse
}

// forgotten is what went to make room before it had run out.
type forgotten struct {
	things  uint64
	written time.Duration // the latest write to any of them
}

// entryBytes is what an entry takes beside its name and record. Its place in the map is
// a string and a pointer, and the map is two thirds full on average.
const entryBytes = int64(unsafe.Sizeof(memoryEntry{})) + 40

// freeAtOnce bounds the records that have run out that one Finish frees, and those in
// use that it passes over. More than one adds, so what has run out goes sooner than
// new things come.
const freeAtOnce = 8

// NewMemory makes an empty store.
func NewMemory(o MemoryOptions) *Memory {
	m := &Memory{
		dedupTTL: o.DedupTTL, versionTTL: o.VersionTTL, mostBytes: o.Bytes, began: time.Now(),
		things: map[string]*memoryEntry{},
	}
	if m.dedupTTL <= 0 {
		m.dedupTTL = 24 * time.Hour
	}
	if m.versionTTL <= 0 {
		m.versionTTL = 24 * time.Hour
	}
	if m.mostBytes <= 0 {
		m.mostBytes = 64 << 20
	}
	return m
}

// MemoryStats is how much a Memory remembers.
type MemoryStats struct {
	Things int   // those that have run out and are not freed yet included
	Bytes  int64 // of the heap, about
	// Forgotten counts the things that went to make room before they had run out.
	Forgotten uint64
	// Since is the time since which nothing was forgotten to make room: each version, mark
	// and dedup key recorded later is there, until its time to live is over. It is the
	// store's beginning, or the latest write to a thing that went.
	Since time.Time
}

// Stats says how much is remembered, and how far back.
func (m *Memory) Stats() MemoryStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return MemoryStats{Things: len(m.things), Bytes: m.bytes, Forgotten: m.forgot.things, Since: m.began.Add(m.forgot.written)}
}

// Acquire implements Store. Its errors are *HeldError and the context's cause.
func (m *Memory) Acquire(ctx context.Context, thing string, lease time.Duration, intents []Intent) (Record, Lease, error) {
	if ctx.Err() != nil {
		return Record{}, Lease{}, context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.began)
	e, ok := m.things[thing]
	if !ok {
		// The identifier may be a piece of a message's body, which must not be
		// kept alive by it.
		e = &memoryEntry{thing: strings.Clone(thing)}
		m.things[e.thing] = e
		m.byUse.pushNewest(e)
	}
	if e.until > now {
		return Record{}, Lease{}, &HeldError{Thing: e.thing, Until: m.began.Add(e.until)}
	}
	before := m.unexpiredLocked(e, now)
	m.token++
	e.token, e.until = m.token, now+lease
	// Nothing goes for it yet: if the API does not know the thing, it takes no place.
	m.writeLocked(e, before.Marked(e.token, intents, m.began.Add(now)), now)
	return before, Lease{Thing: e.thing, Token: e.token, Until: m.began.Add(e.until)}, nil
}

// Finish implements Store. Its errors are ErrLeaseLost and the context's cause.
func (m *Memory) Finish(ctx context.Context, l Lease, r Result) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.began)
	e, ok := m.things[l.Thing]
	if !ok || e.token != l.Token {
		return ErrLeaseLost
	}
	e.until = 0
	after := m.unexpiredLocked(e, now).Finished(l.Token, r, m.began.Add(now))
	if after.Empty() {
		m.removeLocked(e)
		return nil
	}
	m.writeLocked(e, after, now)
	m.freeLocked(e, now)
	return nil
}

// unexpiredLocked is what is left of an entry's record.
func (m *Memory) unexpiredLocked(e *memoryEntry, now time.Duration) Record {
	return e.record.Unexpired(m.began.Add(now), m.began.Add(e.written), m.versionTTL, m.dedupTTL)
}

// writeLocked puts the record in its place.
func (m *Memory) writeLocked(e *memoryEntry, r Record, now time.Duration) {
	m.bytes -= e.bytes
	e.record, e.written = r, now
	e.bytes = entryBytes + text(e.thing) + r.size()
	m.bytes += e.bytes
	m.byUse.moveToNewest(e)
}

// freeLocked forgets the things that were written to longest ago: as many as have no room,
// and a few of those that have run out. The one that is written now stays.
func (m *Memory) freeLocked(writing *memoryEntry, now time.Duration) {
	for ranOut, inUse := 0, 0; ranOut < freeAtOnce && inUse < freeAtOnce; {
		e := m.byUse.oldest
		over := now-e.written >= max(m.versionTTL, m.dedupTTL)
		switch {
		case m.bytes <= m.mostBytes && !over:
			return
		case e == writing || e.until > now:
			// It is not the one to go. The next Finish looks further, so the bound is
			// passed by no more than the leases held.
			m.byUse.moveToNewest(e)
			inUse++
			continue
		case over:
			ranOut++
		case !e.record.Empty():
			m.forgot.things++
			m.forgot.written = max(m.forgot.written, e.written)
		}
		m.removeLocked(e)
	}
}

func (m *Memory) removeLocked(e *memoryEntry) {
	m.byUse.remove(e)
	delete(m.things, e.thing)
	m.bytes -= e.bytes
}
