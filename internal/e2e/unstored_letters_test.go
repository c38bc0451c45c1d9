package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/telemetry"
)

// invalidOf is an invalid message of so many bytes.
func invalidOf(bytes int) string {
	const start, end = `{"Identifier":"lamp","Nmae":"`, `"}`
	return start + strings.Repeat("x", bytes-len(start)-len(end)) + end
}

// What SQS's entries of a batch failed with is an error, though the batch was answered 200.
var entryRefused = localcloud.Fault{Entries: map[string]string{"0": "senderFault:InvalidParameterValue"}}

// Letters that cannot be stored do not keep healthy messages out.
func TestLettersThatCannotBeStoredDoNotKeepHealthyMessagesOut(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		subtest(t, fmt.Sprintf("fifo %v", fifo), layout{fifo: fifo, settings: func(c *config.Config) { c.MaxHeld = 100 }}, func(t *testing.T, r *rig) {
			heal := r.sqsFails("SendMessageBatch", status(403, "AccessDenied"))
			send := func(group, body string) {
				r.cloud.SQS.Send(r.queue, localcloud.Message{Body: body, GroupID: map[bool]string{true: group}[fifo]})
			}
			for i := range 200 {
				send(fmt.Sprint("broken-", i%20), fmt.Sprintf(`{"Identifier":"broken","Nmae":"%d"}`, i))
			}
			for i := range 50 {
				send(fmt.Sprint("good-", i), name(fmt.Sprint("good-", i), "new"))
			}
			w := r.start()
			good := func() (n int) {
				for i := range 50 {
					n += r.applied(fmt.Sprint("good-", i))
				}
				return n
			}
			r.until("the good ones are applied", 30*time.Second, func() bool { return good() == 50 })
			s := w.Status()
			if s.Messages.Held > 11 || s.Letters.Unstored > 10 { // one is tried for the first time
				t.Errorf("%d messages held, %d unstored, want a tenth of 100 at most", s.Messages.Held, s.Letters.Unstored)
			}
			ok, text := w.Ready()
			if !ok || !strings.Contains(text, "dead letters cannot be stored") || !strings.Contains(text, "AccessDenied") {
				t.Errorf("ready: %v %q", ok, text)
			}
			if ok, stale := w.Health(); !ok {
				t.Errorf("not healthy: %v", stale)
			}
			if s.Letters.Unstored == 0 || s.Letters.FailingSince == nil || s.Letters.Code != "AccessDenied" {
				t.Errorf("status: %+v", s.Letters)
			}

			// Nothing is lost by it: the letters are stored once that is allowed.
			heal()
			r.drained(3 * time.Hour)
			w.stopped()
			r.wantOnlyLetters(200)
			if ok, text := w.Ready(); !ok && strings.Contains(text, "dead letters") {
				t.Errorf("ready after all: %v %q", ok, text)
			}
		})
	}
}

// A letter keeps to its queue's own MaximumMessageSize.
func TestALetterKeepsToItsQueuesOwnSize(t *testing.T) {
	const most = 262_144 // of queues made before August 2025
	for _, fifo := range []bool{false, true} {
		for _, c := range []struct {
			bytes              int
			failure, time, key bool
		}{
			{most - 4000, true, true, true},
			{261_900, false, true, false},
			{most - 30, false, false, false},
			{most, false, false, false},
		} {
			subtest(t, fmt.Sprintf("%d bytes, fifo %v", c.bytes, fifo), layout{fifo: fifo, maxBytes: most}, func(t *testing.T, r *rig) {
				group := map[bool]string{true: "g"}[fifo]
				w := r.start()
				r.cloud.SQS.Send(r.queue, localcloud.Message{Body: invalidOf(c.bytes), GroupID: group})
				r.cloud.SQS.Send(r.queue, localcloud.Message{Body: name("lamp", "new"), GroupID: group})
				r.drained(time.Minute)
				w.stopped()
				l := r.oneLetterOfAnyKind()
				has := func(attribute string) bool { _, ok := l.Attributes[attribute]; return ok }
				if len(l.Body) != c.bytes || has("Failure") != c.failure || has("OccurredAt") != c.time || has("DeduplicationId") != c.key {
					t.Errorf("%d bytes: a letter of %d bytes with %v", c.bytes, len(l.Body), l.Attributes)
				}
				r.wantMember("lamp", "Name", `"new"`)
				if n := r.requests("SendMessageBatch"); n != 1 {
					t.Errorf("%d bytes: %d requests for one letter", c.bytes, n)
				}
			})
		}
	}
}

// A failed entry of a batch that was answered 200 is an error with its own code, in the
// log and in the metrics, whatever the batch was for.
func TestAFailedEntryIsAnErrorWithItsOwnCode(t *testing.T) {
	for action, code := range map[string]string{
		"SendMessageBatch": "InternalError", "DeleteMessageBatch": "InternalError", "ChangeMessageVisibilityBatch": "InternalError",
	} {
		subtest(t, action, layout{}, func(t *testing.T, r *rig) {
			heal := r.sqsFails(action, &localcloud.Fault{Entries: map[string]string{"0": code}})
			hold := make(chan struct{})
			r.callsFail("slow", &localcloud.Fault{Hold: hold})
			w := r.start()
			r.send(`{"Identifier":"a","Nmae":"x"}`)
			r.send(name("fast", "new"))
			r.send(name("slow", "new")) // its lease is renewed
			time.Sleep(3 * time.Minute)
			line := w.logs.FilterField(telemetry.Action(action)).All()
			if len(line) == 0 || line[0].ContextMap()["code"] != code {
				t.Errorf("%s: logged %v\n%s", action, line, w.lines())
			}
			if n, _ := w.metric("worker_sqs_requests_total", "action", action, "result", "error"); n == 0 {
				t.Errorf("%s: no request counted as an error", action)
			}
			if n, _ := w.metric("worker_sqs_errors_total", "action", action, "code", code); n == 0 {
				t.Errorf("%s: %s is not counted", action, code)
			}
			heal()
			close(hold)
			r.drained(time.Hour)
			w.stopped()
		})
	}
}

// A receipt handle that is no good is an error too, and nothing is tried again for it.
func TestAHandleThatIsNoGoodIsAnErrorToo(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		r.sqsFails("DeleteMessageBatch", &entryRefused)
		w := r.start()
		r.send(name("a", "new"))
		time.Sleep(30 * time.Second)
		if n, _ := w.metric("worker_sqs_errors_total", "action", "DeleteMessageBatch", "code", "InvalidParameterValue"); n != 1 {
			t.Errorf("counted %v times, want once", n)
		}
		if n, _ := w.metric("worker_sqs_requests_total", "action", "DeleteMessageBatch", "result", "error"); n != 1 {
			t.Errorf("%v requests counted as errors, want 1", n)
		}
	})
}

// SQS does not know the source of a letter that a worker sent, so its
// own redrive needs a destination. The docs say so wherever they name it.
func TestTheDocsGiveSQSsOwnRedriveADestination(t *testing.T) {
	inRealTime(t)
	named := 0
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../cmd/worker/*.go", "../../deploy/*/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(content)) {
				if !strings.Contains(line, "start-message-move-task") {
					continue
				}
				named++
				if !strings.Contains(line, "--destination-arn") {
					t.Errorf("%s: %s", file, line)
				}
			}
		}
	}
	if named == 0 {
		t.Error("no file says how SQS's own redrive moves letters")
	}
}

// A message is deleted from the source only once its letter is stored; whatever
// fails in between leaves the message, its letter or both, never neither.
func TestBetweenALetterAndItsDelete(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		kind := map[bool]string{false: "standard: ", true: "FIFO: "}[fifo]
		// send puts 3 broken messages in the queue.
		send := func(r *rig) map[string]bool {
			ids := map[string]bool{}
			for n := range 3 {
				ids[r.cloud.SQS.Send(r.queue, localcloud.Message{Body: fmt.Sprintf(`{"Identifier":"a","Nmae":"%d"}`, n), GroupID: groupOn(r)})] = true
			}
			return ids
		}
		// check counts the letters of each message.
		check := func(r *rig, ids map[string]bool, most int) {
			r.t.Helper()
			letters := map[string]int{}
			for _, l := range r.letters() {
				letters[l.Failure.MessageID]++
			}
			for id := range ids {
				if n := letters[id]; n < 1 || n > most {
					r.t.Errorf("%d letters of message %s, want 1 to %d", n, id, most)
				}
			}
			if len(letters) != len(ids) {
				r.t.Errorf("letters of %d messages, want %d", len(letters), len(ids))
			}
			r.wantCalls("", 0)
		}
		l := layout{fifo: fifo}
		subtest(t, kind+"the delete fails for a while", l, func(t *testing.T, r *rig) {
			r.onSQS("DeleteMessageBatch", first(8, status(500, "InternalError")))
			w := r.start()
			ids := send(r)
			r.drained(10 * time.Minute)
			w.stopped()
			check(r, ids, 1)
		})
		subtest(t, kind+"the delete fails until the lease ends and the message comes again", l, func(t *testing.T, r *rig) {
			heal := r.sqsFails("DeleteMessageBatch", brokenBefore)
			w := r.start()
			ids := send(r)
			time.Sleep(30 * time.Minute)
			check(r, ids, 1) // never copied again, while the process lives
			heal()
			r.drained(time.Hour)
			w.stopped()
			check(r, ids, 1)
		})
		subtest(t, kind+"the message is delivered again after its delete", layout{}, func(t *testing.T, r *rig) {
			w := r.start()
			ids := send(r)
			r.drained(time.Minute)
			for id := range ids {
				r.cloud.SQS.Redeliver(r.queue, id)
			}
			r.drained(time.Minute)
			w.stopped()
			check(r, ids, 1)
		})
		subtest(t, kind+"the letter's answer is lost", l, func(t *testing.T, r *rig) {
			r.onSQS("SendMessageBatch", first(1, &localcloud.Fault{BreakAfter: true}))
			w := r.start()
			ids := send(r)
			r.drained(10 * time.Minute)
			w.stopped()
			if fifo {
				check(r, ids, 1) // SQS tells the second by the MessageId
			} else {
				check(r, ids, 2)
			}
		})
		subtest(t, kind+"the letter cannot be stored for 20 minutes", l, func(t *testing.T, r *rig) {
			heal := r.sqsFails("SendMessageBatch", status(503, "ServiceUnavailable"))
			w := r.start()
			ids := send(r)
			time.Sleep(20 * time.Minute)
			r.wantLeft(3)
			heal()
			r.drained(time.Hour)
			w.stopped()
			check(r, ids, 1)
		})
		subtest(t, kind+"some letters of a batch fail", l, func(t *testing.T, r *rig) {
			r.onSQS("SendMessageBatch", first(5, &localcloud.Fault{Entries: map[string]string{"0": "InternalError"}}))
			w := r.start()
			ids := send(r)
			r.drained(time.Hour)
			w.stopped()
			check(r, ids, 1)
		})
		subtest(t, kind+"the worker dies in between", layout{fifo: fifo, settings: func(c *config.Config) { c.ShutdownTimeout = 25 * time.Second }}, func(t *testing.T, r *rig) {
			heal := r.sqsFails("DeleteMessageBatch", brokenBefore)
			w, process := r.startMortal()
			ids := send(r)
			r.until("the first letters are stored", time.Minute, func() bool { return len(r.letters()) > 0 })
			process.kill()
			_ = w.stop() // it cannot settle anything
			r.wantLeft(3)
			heal()
			next := r.start()
			r.drained(10 * time.Minute)
			next.stopped()
			check(r, ids, 2)
		})
	}
}
