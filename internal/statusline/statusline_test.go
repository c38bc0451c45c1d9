package statusline

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"managed-thing-updater/internal/status"
)

// paper is a terminal as far as the board uses one: lines, a cursor, CUU and ED.
type paper struct {
	lines  []string
	column int
	row    int
}

func (p *paper) Write(b []byte) (int, error) {
	for rest := string(b); rest != ""; {
		if after, ok := strings.CutPrefix(rest, "\x1b["); ok {
			end := strings.IndexFunc(after, func(r rune) bool { return r >= '@' && r <= '~' })
			n, _ := strconv.Atoi(after[:end])
			switch after[end] {
			case 'A':
				p.row -= n
			case 'J':
				p.lines = p.lines[:p.row]
			}
			rest = after[end+1:]
			continue
		}
		for len(p.lines) <= p.row {
			p.lines = append(p.lines, "")
		}
		switch r := []rune(rest)[0]; r {
		case '\n':
			p.row, p.column = p.row+1, 0
		case '\r':
			p.column = 0
		default:
			p.lines[p.row] += string(r)
			p.column++
		}
		rest = rest[len(string([]rune(rest)[0])):]
	}
	return len(b), nil
}

func (p *paper) text() string { return strings.Join(p.lines, "\n") }

func TestTheBoardStaysBelowTheLog(t *testing.T) {
	terminal := new(paper)
	b := NewBoard(terminal, func() int { return 21 })
	fmt.Fprintln(b, "log 1")
	b.Show("● receiving", "  calls \x1b[31m12\x1b[0m")
	fmt.Fprintln(b, "log 2")
	b.Show("● paused", "a line that is longer than the terminal is wide", "three")
	fmt.Fprint(b, "log 3\nlog 4\n")
	if want := "log 1\nlog 2\nlog 3\nlog 4\n● paused\na line that is longe\nthree"; terminal.text() != want {
		t.Errorf("got:\n%s\nwant:\n%s", terminal.text(), want)
	}
	b.Show()
	fmt.Fprintln(b, "the sums")
	if want := "log 1\nlog 2\nlog 3\nlog 4\nthe sums"; terminal.text() != want {
		t.Errorf("at the end:\n%s", terminal.text())
	}
}

func TestTheBoardTakesManyWriters(t *testing.T) {
	terminal := new(paper)
	b := NewBoard(terminal, func() int { return 80 })
	var writers sync.WaitGroup
	for n := range 20 {
		writers.Go(func() {
			fmt.Fprintf(b, "line %d\n", n)
			b.Show("status", fmt.Sprint(n))
		})
	}
	writers.Wait()
	if n := strings.Count(terminal.text(), "line "); n != 20 || len(terminal.lines) != 22 || terminal.lines[20] != "status" {
		t.Errorf("%d lines of the log in:\n%s", n, terminal.text())
	}
}

func TestClipKeepsEscapes(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"short", "short"},
		{"123456789", "123456"},
		{"\x1b[31mäöü456789\x1b[0m", "\x1b[31mäöü456\x1b[0m"},
		{"", ""},
	} {
		if got := clip(test.line, 6); got != test.want {
			t.Errorf("%q: %q, want %q", test.line, got, test.want)
		}
	}
}

func read(t *testing.T, body string) status.Status {
	t.Helper()
	var s status.Status
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLines(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	var v View
	v.Line(read(t, `{"state":"receiving","calls":{"by_result":{"ok":100}},"messages":{"outcomes":{"applied":200}}}`), now)
	lines := strings.Join(v.Lines(read(t, `{
		"state":"receiving","uptime_seconds":187,"calls":{"by_result":{"ok":118,"throttled":2}},
		"messages":{"held":7,"outcomes":{"applied":230,"superseded":5,"superseded_unsure":1,"duplicate":2,"released":50,"dead_lettered":3}},
		"dead_letters":{"invalid_message":2,"not_found":1,"denied":0},
		"pace":{"rate":10.04,"utilisation":0.97,"throttled_share":0.019,"messages_per_call":2.44,"drain_seconds":72,"more_in_queue":true,"queued":12},
		"backlog":{"things":4,"oldest_seconds":35}}`), now.Add(2*time.Second)), "\n")
	for _, want := range []string{
		"● receiving, for 3m07s",
		"10.0/s of 10.0/s learned, 97% used, 1.9% throttled",
		"7 messages for 4 things, the oldest 35s, 12 more queued, drained in about 1m12s, and more is queued",
		"20.5/s, 2.4 a call: 230 applied, 6 superseded, 2 duplicate or unchanged, 3 dead-lettered (invalid message 2, not found 1)",
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %q in:\n%s", want, lines)
		}
	}
	if strings.Contains(lines, "\x1b") {
		t.Error("coloured without being asked")
	}

	open := v.Line(read(t, `{"state":"receiving","circuit":{"open":true,"code":"ExpiredTokenException","detail":"check the role","since":"2026-05-01T11:59:00Z"}}`), now)
	if want := "circuit open for 1m00s: check the role (ExpiredTokenException) | calls 0.0/s"; !strings.HasPrefix(open, want) || !strings.Contains(open, "waiting nothing") {
		t.Errorf("got %q", open)
	}
	if paused := v.Line(read(t, `{"state":"paused","reason":"paused by an operator since noon"}`), now); !strings.HasPrefix(paused, "paused by an operator since noon |") {
		t.Errorf("got %q", paused)
	}
	if starting := v.Lines(read(t, `{"state":"starting","reason":"starting"}`), now); starting[0] != "● starting" {
		t.Errorf("got %q", starting)
	}
}

func TestColours(t *testing.T) {
	v := View{Colour: true}
	if got := v.Lines(read(t, `{"state":"receiving"}`), time.Now())[0]; !strings.HasPrefix(got, Green) || !strings.HasSuffix(got, Reset) {
		t.Errorf("got %q", got)
	}
}

// Counts that fall are another worker's.
func TestARestartStartsOver(t *testing.T) {
	now := time.Now()
	var v View
	v.Line(read(t, `{"state":"receiving","uptime_seconds":1000,"calls":{"by_result":{"ok":900}}}`), now)
	if got := v.Line(read(t, `{"state":"receiving","uptime_seconds":10,"calls":{"by_result":{"ok":50}}}`), now.Add(time.Second)); !strings.Contains(got, "calls 5.0/s") {
		t.Errorf("got %q", got)
	}
}
