package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"managed-thing-updater/internal/deadletter"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/sqswire"
)

// bodies are letters with these bodies.
func bodies(of ...string) []deadletter.Letter {
	out := make([]deadletter.Letter, len(of))
	for i, b := range of {
		out[i] = letter(nil)
		out[i].Message.Body = b
		out[i].Message.ID = fmt.Sprint("m-", i)
	}
	return out
}

func numbered(n int) []deadletter.Letter {
	var of []string
	for i := range n {
		of = append(of, fmt.Sprint("body ", i))
	}
	return bodies(of...)
}

func (p post) bodies() []string {
	var out []string
	for _, e := range p.queue.stored {
		out = append(out, *e.MessageBody)
	}
	return out
}

func (p post) requests(result string) int {
	return p.metrics.SQSRequests.With("SendMessageBatch", result).Count()
}

func TestSendNothing(t *testing.T) {
	p := newPost(t, standardURL)
	if got := p.Send(t.Context(), nil); len(got) != 0 || p.requests("ok") != 0 {
		t.Errorf("results %v after %v requests", got, p.requests("ok"))
	}
}

func TestSendInBatchesOfTen(t *testing.T) {
	p := newPost(t, standardURL)
	if err := errors.Join(p.Send(t.Context(), numbered(23))...); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.queue.batches, []int{10, 10, 3}) || len(p.queue.stored) != 23 {
		t.Errorf("batches %v, %d letters stored", p.queue.batches, len(p.queue.stored))
	}
	if p.requests("ok") != 3 {
		t.Errorf("%v requests counted, want 3", p.requests("ok"))
	}
}

func TestSendInBatchesOfOneMebibyte(t *testing.T) {
	p := newPost(t, standardURL)
	half, whole := strings.Repeat("h", 1<<19-1000), strings.Repeat("w", 1<<20)
	// Two halves fill a batch with their attributes; a third, however small, is one too many.
	if err := errors.Join(p.Send(t.Context(), bodies(half, half, strings.Repeat("s", 1500), whole, "a", "b"))...); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.queue.batches, []int{2, 1, 1, 2}) {
		t.Errorf("batches %v, want 2, 1, 1, 2", p.queue.batches)
	}
}

func TestEachLetterHasItsOwnFate(t *testing.T) {
	p := newPost(t, standardURL)
	p.queue.refuse = func(e types.SendMessageBatchRequestEntry) *types.BatchResultErrorEntry {
		switch *e.MessageBody {
		case "body 3":
			return &types.BatchResultErrorEntry{Code: aws.String("InternalError"), Message: aws.String("try again")}
		case "body 11":
			return &types.BatchResultErrorEntry{Code: aws.String("InvalidMessageContents"), SenderFault: true}
		}
		return nil
	}
	results := p.Send(t.Context(), numbered(12))
	for i, err := range results {
		refused, ok := errors.AsType[*sqswire.EntryError](err)
		if want := i == 3 || i == 11; ok != want || (err != nil) != want {
			t.Errorf("letter %d: %v", i, err)
		}
		if ok && refused.SenderFault != (i == 11) {
			t.Errorf("letter %d: %+v", i, refused)
		}
	}
	if n := p.metrics.DeadLetters.Of(message.Rejected).Count(); n != 10 || len(p.queue.stored) != 10 {
		t.Errorf("%v counted, %d stored, want 10", n, len(p.queue.stored))
	}
	// Tried again by the caller, as it is.
	p.queue.refuse = nil
	again := numbered(12)
	if err := errors.Join(p.Send(t.Context(), []deadletter.Letter{again[3], again[11]})...); err != nil {
		t.Error(err)
	}
}

func TestOneLetterDoesNotKeepABatchFromBeingStored(t *testing.T) {
	p := newPost(t, standardURL)
	p.queue.poison = "body 4"
	for i, err := range p.Send(t.Context(), numbered(10)) {
		if (err != nil) != (i == 4) {
			t.Errorf("letter %d: %v", i, err)
		}
	}
	if got := p.bodies(); len(got) != 9 || slices.Contains(got, "body 4") {
		t.Errorf("stored: %v", got)
	}
}

func TestABrokenRequestFailsItsLettersOnce(t *testing.T) {
	p := newPost(t, standardURL)
	p.queue.broken = errors.New("connection reset")
	for i, err := range p.Send(t.Context(), numbered(12)) {
		if !errors.Is(err, p.queue.broken) {
			t.Errorf("letter %d: %v", i, err)
		}
	}
	if p.requests("error") != 2 {
		t.Errorf("%v requests, want 2: trying again is the caller's", p.requests("error"))
	}
	if n := p.metrics.DeadLetters.Of(message.Rejected).Count(); n != 0 {
		t.Errorf("%v letters counted", n)
	}
}

func TestALostAnswerIsAnError(t *testing.T) {
	p := newPost(t, fifoURL)
	p.queue.broken, p.queue.lost = errors.New("connection reset"), true
	if err := p.Send(t.Context(), numbered(1))[0]; err == nil {
		t.Fatal("stored, says a request without an answer")
	}
	p.queue.broken = nil
	if err := p.Send(t.Context(), numbered(1))[0]; err != nil {
		t.Fatal(err)
	}
	first, second := p.queue.stored[0], p.queue.stored[1]
	if *first.MessageDeduplicationId != *second.MessageDeduplicationId || failureIn(t, first).MessageID != failureIn(t, second).MessageID {
		t.Error("the two letters cannot be told to be one")
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	p := newPost(t, standardURL)
	why := errors.New("the worker stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	for _, err := range p.Send(ctx, numbered(12)) {
		if !errors.Is(err, why) {
			t.Errorf("%v, want the context's cause", err)
		}
	}
	if len(p.queue.stored) != 0 {
		t.Errorf("%d letters stored", len(p.queue.stored))
	}
}

func TestNothingOfAMessageIsLogged(t *testing.T) {
	p := newPost(t, standardURL)
	l := letter(nil)
	l.Message.Body = `{"Identifier":"lamp-1","Owner":"secret-owner"}`
	p.one(t, l)
	for _, line := range p.logs.All() {
		if strings.Contains(fmt.Sprint(line.Message, line.ContextMap()), "secret-owner") {
			t.Errorf("logged: %v", line)
		}
	}
}

// A queue may take less than SQS allows, its MaximumMessageSize.
func TestALetterKeepsToTheQueuesOwnLimit(t *testing.T) {
	const limit = 1000
	for room, want := range map[int]string{900: "OccurredAt Failure DeduplicationId", 80: "OccurredAt", 36: "OccurredAt", 35: "", 0: ""} {
		p := newPost(t, standardURL)
		p.queue.limit = limit
		p.LimitTo(limit)
		l := letter(nil)
		l.Message.Body = strings.Repeat("b", limit-room)
		l.Update.Order.EventTime = sent.Truncate(1e9)
		e := p.one(t, l)
		var has []string
		for _, name := range []string{"OccurredAt", "Failure", "DeduplicationId"} {
			if _, ok := e.MessageAttributes[name]; ok {
				has = append(has, name)
			}
		}
		if got := strings.Join(has, " "); got != want || *e.MessageBody != l.Message.Body {
			t.Errorf("room for %d bytes: %q, want %q", room, got, want)
		}
		if n := len(p.queue.batches); n != 1 || p.requests("error") != 0 {
			t.Errorf("room for %d bytes: %d batches", room, n)
		}
	}
}

// All messages of a batch together keep to it too.
func TestABatchKeepsToTheQueuesOwnLimit(t *testing.T) {
	p := newPost(t, standardURL)
	p.queue.limit = 3000
	p.LimitTo(3000)
	if err := errors.Join(p.Send(t.Context(), numbered(12))...); err != nil {
		t.Fatal(err)
	}
	if len(p.queue.stored) != 12 || p.queue.largest > 3000 {
		t.Errorf("batches %v, %d bytes", p.queue.batches, p.queue.largest)
	}
}

// What is refused for its size, in either of the two ways in which SQS says so, is sent
// with less, at last as it is.
func TestALetterThatIsRefusedForItsSizeIsSentWithLess(t *testing.T) {
	for _, whole := range []bool{false, true} {
		for room, want := range map[int]int{2000: 3, 330: 2, 40: 1, 10: 0} { // attributes
			p := newPost(t, standardURL)
			p.queue.limit, p.queue.refuseWhole = 3000, whole
			l := letter(nil)
			l.Message.Body = strings.Repeat("b", 3000-room)
			l.Update.Order.EventTime = sent.Truncate(1e9)
			if e := p.one(t, l); len(e.MessageAttributes) != want {
				t.Errorf("room for %d bytes: %d attributes, want %d", room, len(e.MessageAttributes), want)
			}
		}
		p := newPost(t, standardURL)
		p.queue.limit, p.queue.refuseWhole = 3000, whole
		letters := bodies("a", strings.Repeat("x", 3001), "b")
		for i, err := range p.Send(t.Context(), letters) {
			if (err != nil) != (i == 1) {
				t.Errorf("letter %d: %v", i, err)
			}
			if err != nil && !sqswire.RefusedContent(err) {
				t.Errorf("%v is not told from other errors", err)
			}
		}
		if n := p.metrics.DeadLetters.Of(message.Rejected).Count(); n != 2 {
			t.Errorf("%v letters counted, want 2", n)
		}
	}
}

func TestAFailedEntryIsAnErrorInTheMetrics(t *testing.T) {
	p := newPost(t, standardURL)
	p.queue.refuse = func(e types.SendMessageBatchRequestEntry) *types.BatchResultErrorEntry {
		if *e.MessageBody == "body 3" {
			return &types.BatchResultErrorEntry{Code: aws.String("AWS.SimpleQueueService.InternalError")}
		}
		return nil
	}
	p.Send(t.Context(), numbered(5))
	if p.requests("error") != 1 || p.requests("ok") != 0 || p.metrics.SQSErrors.With("SendMessageBatch", "InternalError").Count() != 1 {
		t.Errorf("%v ok, %v errors", p.requests("ok"), p.requests("error"))
	}
}

func TestALetterOfWhichTheAnswerSaysNothingIsAnError(t *testing.T) {
	p := newPost(t, standardURL)
	p.queue.silent = "body 3"
	for i, err := range p.Send(t.Context(), numbered(5)) {
		if errors.Is(err, sqswire.ErrNoAnswer) != (i == 3) || (err != nil) != (i == 3) {
			t.Errorf("letter %d: %v", i, err)
		}
	}
	if p.requests("error") != 1 || p.metrics.SQSErrors.With("SendMessageBatch", "no_answer").Count() != 1 || p.metrics.DeadLetters.Of(message.Rejected).Count() != 4 {
		t.Error("it is not counted as what it is")
	}
}
