package telemetry

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// Bounds of what waits to be written, in bytes.
const (
	maxLogWaiting = 256 << 10
	maxLogWrite   = 64 << 10 // in one write
)

// LogWriter writes a log's lines beside the work. Write never waits for the reader
// of the log: lines wait in a bounded buffer, and one goroutine writes them. When
// the buffer is full, the oldest lines are dropped and counted, so the newest, the
// sums at the end above all, are there once the log is read again.
//
// A line in the log says how many lines were dropped, at the place where they are
// missing. Safe for use by many goroutines.
type LogWriter struct {
	out  io.Writer
	gap  func(dropped int) []byte
	wake chan struct{} // one token, for the goroutine that writes
	done chan struct{} // closed when that has ended

	mu      sync.Mutex
	lines   [][]byte
	bytes   int // of lines
	unsaid  int // dropped since the log last said so
	dropped uint64
	closed  bool
}

// NewLogWriter makes a writer to out and starts its goroutine; Close ends it. gap
// makes the line that says how many lines were dropped.
func NewLogWriter(out io.Writer, gap func(dropped int) []byte) *LogWriter {
	w := &LogWriter{out: out, gap: gap, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w
}

// Write takes a line, and returns at once. It keeps no reference to line and never
// fails.
func (w *LogWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	w.lines = append(w.lines, bytes.Clone(line))
	w.bytes += len(line)
	for w.bytes > maxLogWaiting && len(w.lines) > 1 {
		w.bytes -= len(w.lines[0])
		w.lines[0] = nil
		w.lines = w.lines[1:]
		w.dropLocked(1)
	}
	w.mu.Unlock()
	w.awake()
	return len(line), nil
}

// Sync implements zapcore.WriteSyncer. It waits for nothing.
func (w *LogWriter) Sync() error { return nil }

// Dropped is how many lines were dropped: the log was not read, or took no more.
func (w *LogWriter) Dropped() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dropped
}

// Close writes what waits and ends the goroutine. It waits at most within for that:
// a reader that takes nothing leaves the goroutine, and the lines, to the end of the
// process. Nothing is written after Close.
func (w *LogWriter) Close(within time.Duration) {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.awake()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-w.done:
	case <-timer.C:
	}
}

func (w *LogWriter) awake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run is the goroutine that writes. A write that fails, of a pipe that is not read
// any more above all, costs its lines.
func (w *LogWriter) run() {
	defer close(w.done)
	for {
		text, lines, said, closed := w.take()
		if lines == 0 {
			if closed {
				return
			}
			<-w.wake
			continue
		}
		if _, err := w.out.Write(text); err != nil {
			w.mu.Lock()
			w.unsaid += said
			w.dropLocked(lines)
			w.mu.Unlock()
		}
	}
}

// take returns the lines that are written next, and before them, if lines were
// dropped, one that says how many: said.
func (w *LogWriter) take() (text []byte, lines, said int, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	size := 0
	for lines < len(w.lines) && (lines == 0 || size+len(w.lines[lines]) <= maxLogWrite) {
		size += len(w.lines[lines])
		lines++
	}
	if lines == 0 {
		return nil, 0, 0, w.closed
	}
	if w.unsaid > 0 {
		text, said = w.gap(w.unsaid), w.unsaid
		w.unsaid = 0
	}
	text = append(text, bytes.Join(w.lines[:lines], nil)...)
	clear(w.lines[:lines])
	w.lines = w.lines[lines:]
	w.bytes -= size
	return text, lines, said, w.closed
}

func (w *LogWriter) dropLocked(lines int) {
	w.unsaid += lines
	w.dropped += uint64(lines)
}
