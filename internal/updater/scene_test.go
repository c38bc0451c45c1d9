package updater

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"managed-thing-updater/internal/backlog"
	"managed-thing-updater/internal/evidence"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/merge"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/retry"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/timeline"
)

const (
	lamp         = "lamp" // the thing whose turn it is
	sceneTimeout = 10 * time.Second
	sceneLimit   = 8 // counted failures
)

// scene is one thing, the updates that wait for it, and all that its turn touches.
type scene struct {
	t       *testing.T
	backlog *backlog.Backlog
	items   []*backlog.Item // as they arrived
	store   *faultyStore
	api     *scriptedAPI
	token   *token
	circuit *pace.Circuit
	updater *Updater
	other   *backlog.Turn // of another thing
	ctx     context.Context
	cut     context.CancelCauseFunc
}

func newScene(t *testing.T, skip time.Duration) *scene {
	s := &scene{
		t: t, backlog: backlog.New(), api: &scriptedAPI{}, token: &token{},
		store:   &faultyStore{Memory: thingstate.NewMemory(thingstate.MemoryOptions{})},
		circuit: pace.NewCircuit(sceneTimeout, nil),
	}
	s.ctx, s.cut = context.WithCancelCause(t.Context())
	s.updater = New(s.backlog, s.store, s.token, s.api, telemetry.NewMetrics(), zap.NewNop(), Options{
		Concurrency: 1, CallTimeout: sceneTimeout, FailureLimit: sceneLimit, Semantics: merge.Replace, SkipUnchanged: skip,
		// All backoffs here are shorter than a second, all other waits are longer.
		Retry:   retry.Policy{Base: 100 * time.Millisecond, Max: 5 * time.Second},
		Circuit: s.circuit, Rand: retry.NewRand(1),
	})
	s.updater.recordUntil = t.Context()
	s.backlog.Add(update("other", "of no interest", 0))
	s.other = s.backlog.Take()
	return s
}

// When the events of another worker's updates happened, beside those of ours: seconds
// from now.
const (
	older = -10
	newer = +10
)

var recorder = timeline.Recorder{Metrics: telemetry.NewMetrics()}

// update is an update whose event happened, and that was sent, n seconds from now. It
// sets the thing's Name, or its Brand if the value begins with a plus.
func update(thing, value string, n int) *backlog.Item {
	at := time.Now().Add(time.Duration(n) * time.Second)
	member := "Name"
	if brand, ok := strings.CutPrefix(value, "+"); ok {
		member, value = "Brand", brand
	}
	m := recorder.Received(message.Incoming{ID: value, SentAt: at}, at)
	return &backlog.Item{
		Message: &m, Claim: &heldMessage{},
		Waiting: merge.Waiting{Update: &message.Update{
			Thing: thing, Key: value, Members: []message.Member{{Name: member, Value: []byte(value)}},
			Order: message.Order{EventTime: at, SentAt: at, MessageID: value},
		}},
	}
}

// add puts one update in line for each value, the oldest first.
func (s *scene) add(values ...string) {
	for _, value := range values {
		it := update(lamp, value, len(s.items))
		s.items = append(s.items, it)
		s.backlog.Add(it)
	}
}

// takeTurn gives the lamp its turn and sees it through.
func (s *scene) takeTurn(probe bool) {
	s.t.Helper()
	take := s.backlog.Take
	if probe {
		take = s.backlog.TakeProbe
	}
	turn := take()
	if turn == nil || turn.Thing != lamp {
		s.t.Fatal("it is not the lamp's turn")
	}
	s.updater.turn(s.ctx, turn, sceneTimeout)
}

// once gives the lamp an earlier turn, whose call is answered so.
func (s *scene) once(answer error) { s.earlier(false, answer) }

func (s *scene) earlier(probe bool, answer error) {
	s.t.Helper()
	s.api.answer = func(context.Context) error { return answer }
	s.takeTurn(probe)
	if err := s.backlog.Ready(s.t.Context(), func() bool { return false }); err != nil {
		s.t.Fatal(err)
	}
	s.api.sent, s.token.heard = nil, nil
}

// othersSucceed has n calls for another thing succeed.
func (s *scene) othersSucceed(n int) {
	for range n {
		s.backlog.Count(s.other, evidence.CallCounts{Ended: 1, Answered: 1, Succeeded: 1})
	}
}

// oneShort leaves the evidence against an update one failure short of enough. Since the one
// before, so many calls for other things have succeeded.
func (s *scene) oneShort(it *backlog.Item, limit, others int) {
	it.Evidence.Counted, it.Evidence.First = limit-1, time.Now().Add(-evidence.Span)
	s.othersSucceed(others)
}

// anotherWorker has a turn with the lamp, which ends so. n is when its event happened.
func (s *scene) anotherWorker(value string, n int, ended thingstate.Call, keys ...string) {
	s.t.Helper()
	plan := merge.Merger{}.Plan([]*merge.Waiting{&update(lamp, value, n).Waiting}, thingstate.Record{})
	_, l, err := s.store.Memory.Acquire(s.t.Context(), lamp, time.Minute, plan.Intents)
	if err != nil {
		s.t.Fatal(err)
	}
	r := thingstate.Result{Call: ended, Keys: keys}
	if ended == thingstate.Succeeded {
		r.Applied = plan.Applied
	}
	if err := s.store.Memory.Finish(s.t.Context(), l, r); err != nil {
		s.t.Fatal(err)
	}
}

// outcome is what can be seen of a turn when it has ended.
type outcome struct {
	messages string // what became of each, in the order of their arrival
	next     string // when the thing has its next turn, and as what
	token    string // what the pace heard
	sent     string // values that went out
	record   string // values that are known to be set, then with a ? those that may be or may yet be set
}

func (s *scene) outcome() (o outcome) {
	s.t.Helper()
	o.next = s.next()
	var ends []string
	for _, it := range s.items {
		ends = append(ends, it.Claim.(*heldMessage).String())
	}
	o.messages, o.token, o.sent = strings.Join(ends, ", "), strings.Join(s.token.heard, ", "), strings.Join(s.api.sent, ", ")
	time.Sleep(time.Hour) // leases that were not ended run out
	s.store.beforeAcquire = nil
	record, _, err := s.store.Memory.Acquire(s.t.Context(), lamp, time.Minute, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	o.record = known(record)
	return o
}

// next waits for the thing's next turn and tells how that begins.
func (s *scene) next() string {
	s.t.Helper()
	if s.backlog.Stats().Items == 0 {
		return "none"
	}
	ended := time.Now()
	if err := s.backlog.Ready(s.t.Context(), func() bool { return false }); err != nil {
		s.t.Fatal(err)
	}
	text := "at once"
	switch wait := time.Since(ended); {
	case wait >= time.Second:
		text = "after " + wait.Truncate(time.Second).String()
	case wait > 0:
		text = "after a backoff"
	}
	turn := s.backlog.Take()
	if turn.Failures > 0 {
		text += fmt.Sprintf(", failures: %d", turn.Failures)
	}
	if turn.Items[0].Apart {
		text += ", apart"
	}
	return text
}

// known tells the values of a record by their digests.
func known(r thingstate.Record) string {
	value := func(d thingstate.Digest) string {
		for _, v := range []string{"a", "b", "c", "d", "their"} {
			if sum := sha256.Sum256([]byte(v)); d == thingstate.Digest(sum[:len(d)]) {
				return v
			}
		}
		return "a value of nobody's"
	}
	var all []string
	for _, v := range r.Versions {
		all = append(all, value(v.Digest))
	}
	for _, mark := range r.Marks {
		text := value(mark.Digest) + "?"
		if mark.Over {
			text += " over"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// heldMessage is a claim that remembers how it ended.
type heldMessage struct {
	lost bool
	end  string
}

func (m *heldMessage) String() string {
	switch {
	case m.lost:
		return "lost"
	case m.end == "":
		return "waits"
	}
	return m.end
}

func (m *heldMessage) Live() bool { return !m.lost && m.end == "" }

func (m *heldMessage) Until() time.Time {
	if !m.Live() {
		return time.Unix(0, 0)
	}
	return time.Now().Add(time.Hour)
}

func (m *heldMessage) ends(how string) {
	if m.Live() {
		m.end = how
	}
}

func (m *heldMessage) Settle(o message.Outcome) { m.ends(string(o)) }

func (m *heldMessage) DeadLetter(_ *message.Update, f message.Failure) {
	m.ends("letter: " + string(f.Reason))
}

func (m *heldMessage) Release(time.Duration) { m.ends("released") }

// faultyStore is a Memory that may not answer.
type faultyStore struct {
	*thingstate.Memory
	beforeAcquire func()
	acquire       error // instead of an answer; acquired says whether it was done all the same
	acquired      bool
	finish        error
}

func (s *faultyStore) Acquire(ctx context.Context, thing string, lease time.Duration, intents []thingstate.Intent) (thingstate.Record, thingstate.Lease, error) {
	if s.beforeAcquire != nil {
		s.beforeAcquire()
	}
	if s.acquire != nil && !s.acquired {
		return thingstate.Record{}, thingstate.Lease{}, s.acquire
	}
	r, l, err := s.Memory.Acquire(ctx, thing, lease, intents)
	if s.acquire != nil {
		return thingstate.Record{}, thingstate.Lease{}, s.acquire
	}
	return r, l, err
}

func (s *faultyStore) Finish(ctx context.Context, l thingstate.Lease, r thingstate.Result) error {
	if s.finish != nil {
		return s.finish
	}
	return s.Memory.Finish(ctx, l, r)
}

var errNoAnswer = errors.New("no answer from the store")

// scriptedAPI answers as it is told, 204 unless told otherwise.
type scriptedAPI struct {
	answer func(context.Context) error
	sent   []string
}

func (a *scriptedAPI) UpdateManagedThing(ctx context.Context, in managedthings.Input) (managedthings.Output, error) {
	var err error
	if a.answer != nil {
		err = a.answer(ctx)
	}
	if !errors.Is(err, managedthings.ErrTooLate) {
		var values []string
		for _, m := range in.Members {
			values = append(values, string(m.Value))
		}
		a.sent = append(a.sent, strings.Join(values, "+"))
	}
	return managedthings.Output{RequestID: "request"}, err
}

// token remembers what became of the tokens that turns began with.
type token struct {
	pace.Pace
	heard []string
}

func (p *token) Return() { p.heard = append(p.heard, "returned") }

func (p *token) Report(r pace.Result, after time.Duration) {
	text := []string{pace.Granted: "granted", pace.Throttled: "throttled", pace.NoAnswer: "no answer"}[r]
	if after > 0 {
		text += " for " + after.String()
	}
	p.heard = append(p.heard, text)
}

// expire ends the leases of all messages by our clock.
func (s *scene) expire() {
	for _, it := range s.items {
		it.Claim.(*heldMessage).lost = true
	}
}

// newestKeys are the dedup keys of the n newest updates.
func (s *scene) newestKeys(n int) (keys []string) {
	for _, it := range slices.Backward(s.items) {
		if len(keys) < n {
			keys = append(keys, it.Update.Key)
		}
	}
	return keys
}
