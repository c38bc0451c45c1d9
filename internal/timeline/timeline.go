// Package timeline records what happens to each message, once for the metrics, the message's
// span and its story.
//
// A story is for a person who asks about one message. It is kept in memory while the
// message is held and for a while after that, longer if the message failed. The stories
// are bounded in number and in bytes. They hold no body and no value of a member: a
// message's id, its thing, and codes and texts that are fit for a log.
package timeline

import (
	"cmp"
	"container/list"
	"slices"
	"sync"

	"managed-thing-updater/internal/message"
)

// Options bounds a Log. Zero or less means the default.
type Options struct {
	Recent int // finished messages that ended well; default 2,000
	Failed int // finished messages that did not; default 1,000
	// Bytes bounds all stories together, those of held messages too; default 8 MiB. If they
	// need more, the oldest finished ones are forgotten. If there are none, nothing more is
	// recorded.
	Bytes int
}

// Log holds the stories. Safe for use by many goroutines. A nil Log
// remembers nothing.
type Log struct {
	limit int

	mu      sync.Mutex // guards all below, and every story's fields
	bytes   int
	stories map[string]*story // by message id
	recent  finished
	failed  finished
}

// finished holds finished stories in the order in which they were finished, at most so
// many.
type finished struct {
	list.List
	most int
}

// New makes an empty Log.
func New(o Options) *Log {
	or := func(n, otherwise int) int {
		if n > 0 {
			return n
		}
		return otherwise
	}
	return &Log{
		limit: or(o.Bytes, 8<<20), stories: make(map[string]*story),
		recent: finished{most: or(o.Recent, 2000)}, failed: finished{most: or(o.Failed, 1000)},
	}
}

// begin begins the story of a message that was received, or goes on with its earlier one.
// The message's id is kept.
func (l *Log) begin(in message.Incoming) *story {
	if l == nil {
		return nil
	}
	id := in.ID
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stories[id]
	if s == nil {
		s = &story{log: l, id: id}
		if !l.roomLocked(storyBytes + len(id)) {
			return nil
		}
		s.bytes = storyBytes + len(id)
		l.bytes += s.bytes
		l.stories[id] = s
	}
	s.resumeLocked()
	s.outcome, s.sentAt = Waiting, in.SentAt
	s.addLocked(event{kind: received, n: int32(in.Receives)})
	return s
}

// roomLocked makes room for n bytes: it forgets the stories that were finished longest ago.
func (l *Log) roomLocked(n int) bool {
	for l.bytes+n > l.limit {
		oldest := cmp.Or(l.recent.Front(), l.failed.Front())
		if oldest == nil {
			return false
		}
		l.forgetLocked(oldest.Value.(*story))
	}
	return true
}

func (l *Log) forgetLocked(s *story) {
	s.resumeLocked()
	s.gone = true
	delete(l.stories, s.id)
	l.bytes -= s.bytes
}

// Find renders the story of a message; false if nothing is remembered of it.
func (l *Log) Find(id string) (Rendered, bool) {
	if l == nil {
		return Rendered{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stories[id]
	if s == nil {
		return Rendered{}, false
	}
	return s.renderLocked(), true
}

// Latest lists at most n messages, those to which something happened last first. With
// failed, it lists only those that were dead-lettered or lost, or whose last call failed.
func (l *Log) Latest(n int, failed bool) []Summary {
	all := []Summary{}
	if l == nil {
		return all
	}
	l.mu.Lock()
	for _, s := range l.stories {
		if !failed || s.failing {
			all = append(all, s.summaryLocked())
		}
	}
	l.mu.Unlock()
	slices.SortFunc(all, func(a, b Summary) int { return b.At.Compare(a.At) })
	return all[:min(n, len(all))]
}
