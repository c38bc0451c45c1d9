// Package timeline takes down what happens to each message, in one place for all that want
// to know: the metrics, the message's span and its story.
//
// A story is for a person who asks about one message. It is kept in memory while the
// message is held and for a while after that, longer if the message failed. The stories
// are bounded in number and in bytes. They hold no body and no value of a member: a
// message's id, its thing, and codes and texts that are fit for a log.
package timeline

import (
	"slices"
	"sync"

	"managed-thing-updater/internal/message"
)

// Options bounds a Log. Zero or less means the default.
type Options struct {
	Recent int // finished messages that ended well; default 2,000
	Failed int // finished messages that did not; default 1,000
	// Bytes bounds all stories together, those of held messages included; default
	// 8 MiB. Where that is not enough the oldest finished ones go first; after them
	// nothing more is taken down.
	Bytes int
}

// Log holds the stories. Safe for use by many goroutines. A nil Log
// remembers nothing.
type Log struct {
	limit int

	mu      sync.Mutex // guards all below, and every story's fields
	bytes   int
	stories map[string]*story // by message id
	recent  shelf
	failed  shelf
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
		recent: shelf{most: or(o.Recent, 2000)}, failed: shelf{most: or(o.Failed, 1000)},
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
		if !l.room(storyBytes + len(id)) {
			return nil
		}
		s.bytes = storyBytes + len(id)
		l.bytes += s.bytes
		l.stories[id] = s
	} else if s.on != nil {
		s.on.take(s)
	}
	s.outcome, s.sentAt = Waiting, in.SentAt
	s.addLocked(event{kind: received, n: int32(in.Receives)})
	return s
}

// room makes room for n bytes, by forgetting what was finished longest ago.
func (l *Log) room(n int) bool {
	for l.bytes+n > l.limit {
		s := l.recent.oldest
		if s == nil {
			s = l.failed.oldest
		}
		if s == nil {
			return false
		}
		l.forget(s)
	}
	return true
}

func (l *Log) forget(s *story) {
	if s.on != nil {
		s.on.take(s)
	}
	s.gone = true
	delete(l.stories, s.id)
	l.bytes -= s.bytes
}

// Find tells the story of a message; false where nothing is remembered of it.
func (l *Log) Find(id string) (Told, bool) {
	if l == nil {
		return Told{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stories[id]
	if s == nil {
		return Told{}, false
	}
	return s.tell(), true
}

// Latest lists at most n messages, the one that something happened to last first.
// With failed, only those that were dead-lettered or lost, or whose last call
// failed.
func (l *Log) Latest(n int, failed bool) []Brief {
	briefs := []Brief{}
	if l == nil {
		return briefs
	}
	l.mu.Lock()
	for _, s := range l.stories {
		if !failed || s.failing {
			briefs = append(briefs, s.brief())
		}
	}
	l.mu.Unlock()
	slices.SortFunc(briefs, func(a, b Brief) int { return b.At.Compare(a.At) })
	return briefs[:min(n, len(briefs))]
}
