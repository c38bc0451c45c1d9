package thingstate

import (
	"container/list"
	"context"
	"strings"
	"sync"
	"time"
)

// MemoryOptions bounds a Memory. Zero or less means the default.
type MemoryOptions struct {
	DedupTTL   time.Duration // how long a dedup key is remembered; default 24 h
	VersionTTL time.Duration // how long a record is remembered after its last write; default 24 h
	MaxThings  int           // records kept at most, leases held now left out; default 200,000
}

// Memory is the store of a worker that is alone: it lives and ends with the
// process. A crash leaves nothing behind, marks included, so after a restart the
// fence starts anew.
//
// It costs no full scan and no goroutine to free what has run out: each write
// frees a few of the records that were written to longest ago.
type Memory struct {
	dedupTTL, versionTTL time.Duration
	maxThings            int

	mu     sync.Mutex // guards all below
	token  uint64     // of the last lease; one count for all things, so it outlives a forgotten record
	things map[string]*list.Element
	byUse  *list.List // of *memoryEntry, last written first
}

type memoryEntry struct {
	thing   string
	token   uint64    // of the last lease
	until   time.Time // the last lease's end; zero once finished
	written time.Time
	record  Record
}

// freeAtOnce bounds the records that one write frees. More than one write adds,
// so what has run out goes sooner than new things come.
const freeAtOnce = 8

// NewMemory makes an empty store.
func NewMemory(o MemoryOptions) *Memory {
	m := &Memory{
		dedupTTL: o.DedupTTL, versionTTL: o.VersionTTL, maxThings: o.MaxThings,
		things: map[string]*list.Element{}, byUse: list.New(),
	}
	if m.dedupTTL <= 0 {
		m.dedupTTL = 24 * time.Hour
	}
	if m.versionTTL <= 0 {
		m.versionTTL = 24 * time.Hour
	}
	if m.maxThings <= 0 {
		m.maxThings = 200_000
	}
	return m
}

// Len is the number of records kept, those that have run out and are not freed
// yet included.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.things)
}

// Acquire implements Store. Its errors are *HeldError and the context's cause.
func (m *Memory) Acquire(ctx context.Context, thing string, lease time.Duration, intents []Intent) (Record, Lease, error) {
	if ctx.Err() != nil {
		return Record{}, Lease{}, context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	element, ok := m.things[thing]
	if !ok {
		// The identifier may be a piece of a message's body, which must not be
		// kept alive by it.
		thing = strings.Clone(thing)
		element = m.byUse.PushFront(&memoryEntry{thing: thing})
		m.things[thing] = element
	}
	e := element.Value.(*memoryEntry)
	if e.until.After(now) {
		return Record{}, Lease{}, &HeldError{Thing: thing, Until: e.until}
	}
	before := e.record.Live(now, e.written, m.versionTTL, m.dedupTTL)
	m.token++
	e.token, e.until = m.token, now.Add(lease)
	m.write(element, before.Marked(e.token, intents, now), now)
	return before, Lease{Thing: e.thing, Token: e.token, Until: e.until}, nil
}

// Finish implements Store. Its errors are ErrLeaseLost and the context's cause.
func (m *Memory) Finish(ctx context.Context, l Lease, r Result) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	element, ok := m.things[l.Thing]
	if !ok || element.Value.(*memoryEntry).token != l.Token {
		return ErrLeaseLost
	}
	e := element.Value.(*memoryEntry)
	e.until = time.Time{}
	known := e.record.Live(now, e.written, m.versionTTL, m.dedupTTL)
	m.write(element, known.Finished(l.Token, r, now), now)
	return nil
}

// write puts the record in its place and frees what has run out or is too many.
func (m *Memory) write(element *list.Element, r Record, now time.Time) {
	e := element.Value.(*memoryEntry)
	e.record, e.written = r, now
	m.byUse.MoveToFront(element)
	for range freeAtOnce {
		last := m.byUse.Back()
		old := last.Value.(*memoryEntry)
		if len(m.things) <= m.maxThings && now.Sub(old.written) < max(m.versionTTL, m.dedupTTL) {
			return
		}
		if last == element || old.until.After(now) {
			// In use: it is not the one to go. The next write looks further, so
			// the bound is passed by no more than the leases held.
			m.byUse.MoveToFront(last)
			continue
		}
		m.byUse.Remove(last)
		delete(m.things, old.thing)
	}
}
