package telemetry

import (
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	noticeGathers = time.Second // before the first line of a kind: what comes with it is counted
	noticeEvery   = time.Minute // between lines of a kind while it goes on
	maxNotices    = 64          // kinds told apart; the rest share one
)

// Notices writes the lines that could repeat with every message or batch: one for
// each kind, a second after it began, and then one a minute while it goes on. Each
// has a count. Safe for use by many goroutines.
type Notices struct {
	log *zap.Logger

	mu     sync.Mutex
	kinds  map[noticeKind]*notice
	closed bool
}

type noticeKind struct{ text, code string }

type notice struct {
	level  zapcore.Level
	kind   noticeKind
	fields []zap.Field // of the latest
	count  int         // since the last line
	timer  *time.Timer
}

// NewNotices makes Notices that write to log.
func NewNotices(log *zap.Logger) *Notices {
	return &Notices{log: log, kinds: make(map[noticeKind]*notice)}
}

// Say counts something of the kind that text and code make; an empty code has no
// field. The line has the latest fields.
func (n *Notices) Say(level zapcore.Level, text, code string, count int, fields ...zap.Field) {
	n.mu.Lock()
	defer n.mu.Unlock()
	kind := noticeKind{text, code}
	if n.closed {
		n.writeLocked(&notice{level: level, kind: kind, fields: fields, count: count})
		return
	}
	of := n.kinds[kind]
	if of == nil && len(n.kinds) >= maxNotices {
		kind = noticeKind{text: "more kinds of trouble than are told apart"}
		of = n.kinds[kind]
	}
	if of == nil {
		of = &notice{kind: kind}
		n.kinds[kind] = of
		of.timer = time.AfterFunc(noticeGathers, func() { n.due(of) })
	}
	of.level, of.fields = level, fields
	of.count += count
}

// due writes what came since the last line. A kind that was quiet for a minute is
// forgotten.
func (n *Notices) due(of *notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	if of.count == 0 {
		delete(n.kinds, of.kind)
		return
	}
	n.writeLocked(of)
	of.timer.Reset(noticeEvery)
}

func (n *Notices) writeLocked(of *notice) {
	if of.count == 0 {
		return
	}
	fields := of.fields
	if of.kind.code != "" {
		fields = append([]zap.Field{Code(of.kind.code)}, fields...)
	}
	n.log.Log(of.level, of.kind.text, append(fields, Count(of.count))...)
	of.count, of.fields = 0, nil
}

// Close writes what was not said yet. What comes later is written at once.
func (n *Notices) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for _, of := range n.kinds {
		of.timer.Stop()
		n.writeLocked(of)
	}
	clear(n.kinds)
}
