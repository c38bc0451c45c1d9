package telemetry_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"managed-thing-updater/internal/telemetry"
)

// reader is who reads a log: it takes nothing while it is stuck, and fails once it
// has gone.
type reader struct {
	mu    sync.Mutex
	text  bytes.Buffer
	stuck chan struct{} // nil: it reads
	gone  bool
}

func (r *reader) Write(p []byte) (int, error) {
	r.mu.Lock()
	stuck := r.stuck
	r.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return 0, errors.New("broken pipe")
	}
	return r.text.Write(p)
}

func (r *reader) set(stuck chan struct{}, gone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stuck, r.gone = stuck, gone
}

func (r *reader) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Split(strings.TrimSuffix(r.text.String(), "\n"), "\n")
}

func missing(n int) []byte { return fmt.Appendf(nil, "%d missing\n", n) }

// line is line n of a log, 1 KiB long.
func line(n int) []byte { return fmt.Appendf(nil, "%-1023d\n", n) }

func TestALogThatIsReadHasEveryLineInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(reader)
		w := telemetry.NewLogWriter(r, missing)
		for n := range 1000 {
			if _, err := w.Write(line(n)); err != nil {
				t.Fatal(err)
			}
			if n%100 == 0 {
				synctest.Wait()
			}
		}
		w.Close(time.Second)
		for n, text := range r.lines() {
			if !strings.HasPrefix(text, fmt.Sprintf("%d ", n)) {
				t.Fatalf("line %d is %.20q", n, text)
			}
		}
		if n := len(r.lines()); n != 1000 || w.Dropped() != 0 {
			t.Errorf("%d lines, %d dropped", n, w.Dropped())
		}
	})
}

func TestALogThatNobodyReadsKeepsTheNewestLinesAndSaysHowManyAreMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		r := &reader{stuck: stuck}
		w := telemetry.NewLogWriter(r, missing)
		began := time.Now()
		for n := range 2000 {
			_, _ = w.Write(line(n))
			synctest.Wait()
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("writing took %v", took)
		}
		dropped := w.Dropped()
		if dropped < 1700 || dropped > 1800 {
			t.Errorf("%d of 2000 KiB dropped, want all but 256 KiB", dropped)
		}
		r.set(nil, false)
		close(stuck)
		w.Close(time.Second)
		lines := r.lines()
		if want := fmt.Sprintf("%d missing", dropped); lines[1] != want {
			t.Errorf("after the first line that was under way: %.40q, want %q", lines[1], want)
		}
		if last := lines[len(lines)-1]; !strings.HasPrefix(last, "1999 ") || len(lines) != 2000-int(dropped)+1 {
			t.Errorf("%d lines, the last %.20q", len(lines), last)
		}
	})
}

func TestCloseWaitsForAStuckReaderNoLongerThanItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		w := telemetry.NewLogWriter(&reader{stuck: stuck}, missing)
		_, _ = w.Write(line(1))
		began := time.Now()
		w.Close(3 * time.Second)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
		close(stuck) // in a process, its end
	})
}

func TestALogThatTakesNothingForATimeGoesOnWithACount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{gone: true}
		w := telemetry.NewLogWriter(r, missing)
		for n := range 5 {
			_, _ = w.Write(line(n))
			synctest.Wait()
		}
		r.set(nil, false)
		_, _ = w.Write(line(5))
		w.Close(time.Second)
		if lines := r.lines(); len(lines) != 2 || lines[0] != "5 missing" || !strings.HasPrefix(lines[1], "5 ") || w.Dropped() != 5 {
			t.Errorf("%.40q, %d dropped", lines, w.Dropped())
		}
	})
}
