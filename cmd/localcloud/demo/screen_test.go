package main

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/status"
)

func TestLineStandsUnderItsHeadings(t *testing.T) {
	var out bytes.Buffer
	s := newScreen(&out)
	s.at = s.at.Add(-time.Second)
	var is status.Status
	is.State = "receiving"
	is.Messages.Held, is.Messages.Outcomes = 2, map[string]int{"applied": 4, "superseded": 5, "superseded_unsure": 1, "duplicate": 7, "dead_lettered": 8}
	is.Calls.ByResult = map[string]int{"ok": 30, "throttled": 3}
	is.Pace.Rate, is.Backlog.Things, is.Backlog.OldestSeconds = 10, 9, 11
	is.Pace.Utilisation, is.Pace.MessagesPerCall = 0.987, 3.14
	is.Pace.ThrottledShare, is.Pace.DrainSeconds, is.Pace.MoreInQueue = 0.021, new(72.0), true
	s.line(1234, 56, is, nil)
	s.line(1234, 56, is, errors.New("no answer"))

	lines := strings.Split(out.String(), "\n")
	headings, numbers := strings.Fields(lines[0]), strings.Fields(lines[1])
	if len(headings) != len(numbers) {
		t.Fatalf("%d headings, %d numbers:\n%s", len(headings), len(numbers), out.String())
	}
	values := make(map[string]string)
	for i, h := range headings {
		values[h] = numbers[i]
	}
	ends := func(line string) (at []int) {
		for i := range line {
			if line[i] != ' ' && (i+1 == len(line) || line[i+1] == ' ') {
				at = append(at, i)
			}
		}
		return at
	}
	if !slices.Equal(ends(lines[0]), ends(lines[1])) {
		t.Errorf("not aligned:\n%s", out.String())
	}
	for h, want := range map[string]string{"sent": "1234", "queue": "56", "held": "2", "things": "9", "used": "98.7%", "throttled": "2.1%", "msgs/call": "3.1", "superseded": "6", "dead": "8", "oldest": "11s", "drain": "1:12+"} {
		if values[h] != want {
			t.Errorf("%s is %s, want %s", h, values[h], want)
		}
	}
	if !strings.HasSuffix(lines[2], "no answer") || strings.Contains(out.String(), "\x1b") {
		t.Errorf("got %q", out.String())
	}
}

func TestWorkerLines(t *testing.T) {
	var out bytes.Buffer
	w, s := &worker{}, newScreen(&out)
	for _, line := range []string{
		`{"ts":"2026-01-01T00:00:00Z","level":"info","msg":"started"}`,
		`{"ts":"2026-01-01T00:00:01Z","level":"warn","msg":"calls fail","wait":"1s","count":2,"detail":"HTTP 503: no"}`,
		`{"level":"info","msg":"circuit closed: nothing was lost","open_for":"21s"}`,
		`panic: oh`,
		`{"level":"info","msg":"stopped","received":7,"applied":6,"released":1,"dead_letters":{"rejected":0}}`,
	} {
		w.readLine(line, s)
	}
	want := "worker | warn  calls fail  count=2  detail=\"HTTP 503: no\"  wait=1s\nworker | info  circuit closed: nothing was lost  open_for=21s\nworker |  panic: oh\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	if got := w.sums; got == nil || got.Received != 7 || got.Settled() != 6 {
		t.Errorf("sums: %+v", got)
	}
}

func TestTheTimeToDrainAtItsEnds(t *testing.T) {
	var is status.Status
	if got := drain(is.Pace); got != "-" {
		t.Errorf("unknown: %s", got)
	}
	for seconds, want := range map[float64]string{0: "0:00", 72: "1:12", 1e10: "999:00:00", 1e300: "999:00:00"} {
		is.Pace.DrainSeconds = &seconds
		if got := drain(is.Pace); got != want {
			t.Errorf("%v s: %s, want %s", seconds, got, want)
		}
	}
}
