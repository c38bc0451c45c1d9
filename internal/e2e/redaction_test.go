package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/timeline"
)

// sensitiveMembers carry the secret, each in a value that the API takes.
var sensitiveMembers = map[string]string{
	"Owner": secret, "SerialNumber": secret, "Brand": secret, "Model": secret, "Classification": secret,
}

// carries is a body that sets every sensitive member, and a name.
func carries(thing, name string) string {
	fields := map[string]string{"Identifier": thing, "Name": name}
	maps.Copy(fields, sensitiveMembers)
	raw, _ := json.Marshal(fields)
	return string(raw)
}

// quotes is an answer that quotes the call's values back, in its text.
func quotes(code int, name string, call localcloud.CallInfo) *localcloud.Fault {
	body, _ := json.Marshal(map[string]string{"Message": "cannot set " + call.Body, "ResourceId": secret, "ResourceType": secret})
	f := &localcloud.Fault{Status: code, Code: name, Body: string(body), ContentType: "application/json"}
	if name == "" {
		f.Body, f.ContentType = "<html>"+call.Body+"</html>", "text/html"
	}
	return f
}

// TestNoSensitiveValueGetsOut sends sensitive values down every path that a message
// can take, with an API that quotes them back, and looks for them in all that comes
// out: the log at its most talkative, metrics, status, stories, spans, and what the
// worker writes on dead letters.
func TestNoSensitiveValueGetsOut(t *testing.T) {
	subtest(t, "down every path", layout{}, func(t *testing.T, r *rig) {
		answers := map[string]struct {
			status int
			code   string
			only   int // so many calls of the thing; 0 is all
		}{
			"rejected": {400, "ValidationException", 0}, "missing": {404, "ResourceNotFoundException", 0},
			"denied": {403, "AccessDeniedException", 0}, "unauthorized": {401, "UnauthorizedException", 0},
			"conflict": {409, "ConflictException", 3}, "throttled": {429, "ThrottlingException", 3},
			"internal": {500, "InternalServerException", 3}, "unavailable": {503, "ServiceUnavailableException", 3},
			"gateway": {502, "", 3}, "large": {413, "", 0}, "odd": {418, "TeapotException", 3}, "proxy": {200, "", 3},
		}
		var mu sync.Mutex
		calls := map[string]int{}
		r.apiFaults.add(func(c localcloud.CallInfo) *localcloud.Fault {
			mu.Lock()
			defer mu.Unlock()
			calls[c.Thing]++
			a, ok := answers[c.Thing]
			switch {
			case c.Thing == "hung" && calls[c.Thing] <= 2:
				return &localcloud.Fault{Delay: time.Minute}
			case c.Thing == "broken" && calls[c.Thing] <= 2:
				return &localcloud.Fault{BreakAfter: true}
			case !ok || a.only > 0 && calls[c.Thing] > a.only:
				return nil
			}
			return quotes(a.status, a.code, c)
		})
		r.onSQS("SendMessageBatch", first(1, &localcloud.Fault{Entries: map[string]string{"0": "InternalError"}}))
		r.onSQS("DeleteMessageBatch", first(2, status(500, "InternalError")))
		var log safeBuffer
		logger, _, err := telemetry.NewLogger("debug", "json", &log)
		if err != nil {
			t.Fatal(err)
		}
		spans, withTraces := traced(t)
		w := r.start(withTraces, func(o *app.Options) { o.Log = logger })
		stop := r.traffic(500 * time.Millisecond)

		ids := []string{r.send(carries("lamp", "applied"))}
		at := time.Now()
		send := func(m localcloud.Message) { ids = append(ids, r.cloud.SQS.Send(r.queue, m)) }
		for thing := range answers {
			send(localcloud.Message{Body: carries(thing, "alone")})
			send(localcloud.Message{Body: carries(thing, "and merged"), TraceHeader: xrayHeader})
		}
		for _, thing := range []string{"hung", "broken"} {
			send(localcloud.Message{Body: carries(thing, "x")})
		}
		send(localcloud.Message{Body: carries("lamp", "late"), Attributes: occurredAt(at.Add(-time.Hour))})
		send(localcloud.Message{Body: carries("lamp", "twice"), Attributes: map[string]localcloud.Attribute{"DeduplicationId": text("d")}})
		send(localcloud.Message{Body: carries("lamp", "twice"), Attributes: map[string]localcloud.Attribute{"DeduplicationId": text("d")}})
		send(localcloud.Message{Body: carries("lamp", "an odd time"), Attributes: map[string]localcloud.Attribute{"OccurredAt": text("yesterday")}})
		for i, chain := range slices.Concat(chains(1), chains(2)) {
			send(localcloud.Message{Body: wrappedIn(chain, carries(fmt.Sprint("wrapped-", i), "x"), fmt.Sprint(i))})
			send(localcloud.Message{Body: wrappedIn(chain, `{"Identifier":"lamp","Owner":"`+secret+` !"}`, fmt.Sprint(i))})
		}
		events := &producer{rand: rand.New(rand.NewPCG(1, 2))}
		for range 200 {
			send(localcloud.Message{Body: events.broken("lamp")})
		}
		waits := func(id string) bool {
			told, ok := w.Message(id)
			return ok && told.Outcome == string(timeline.Waiting)
		}
		r.until("all is settled", time.Hour, func() bool {
			time.Sleep(10 * time.Second)
			return !slices.ContainsFunc(ids, waits)
		})
		stop()

		// What came out.
		page := httptest.NewRecorder()
		promhttp.HandlerFor(w.Metrics(), promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		state, _ := json.Marshal(w.Status())
		var stories strings.Builder
		for _, id := range ids {
			told, ok := w.Message(id)
			if !ok {
				t.Errorf("nothing is remembered of %s", id)
			}
			raw, _ := json.Marshal(told)
			stories.Write(raw)
			stories.WriteString("\n" + w.story(id))
		}
		for _, failed := range []bool{true, false} {
			raw, _ := json.Marshal(w.Messages(10_000, failed))
			stories.Write(append(raw, '\n'))
		}
		w.stopped()
		var traces strings.Builder
		for _, s := range spans.spans.Ended() {
			fmt.Fprintln(&traces, s.Name(), s.Attributes(), s.Status(), s.Events(), s.Links())
		}
		for from, text := range map[string]string{
			"the log": log.String(), "the metrics": page.Body.String(), "the status": string(state),
			"the stories": stories.String(), "the spans": traces.String(), "the letters": letterTexts(r.letters()),
		} {
			if found := leaks(text); found != nil {
				t.Errorf("%s: %d lines with a sensitive value, the first: %s", from, len(found), found[0])
			}
			if len(text) < 100 {
				t.Errorf("%s: there is next to nothing: %q", from, text)
			}
		}
		// And each path was taken.
		for _, o := range []message.Outcome{message.Applied, message.Superseded, message.Duplicate, message.DeadLettered} {
			if n, _ := w.metric("worker_messages_settled_total", "outcome", string(o)); n == 0 {
				t.Errorf("no message was %s", o)
			}
		}
		for _, reason := range []message.Reason{message.InvalidMessage, message.Rejected, message.NotFound, message.Denied, message.Exhausted} {
			if n, _ := w.metric("worker_dead_letters_total", "reason", string(reason)); n == 0 {
				t.Errorf("no letter for %s", reason)
			}
		}
		for _, result := range telemetry.CallResults {
			if n, _ := w.metric("worker_api_calls_total", "result", string(result)); n == 0 && result != telemetry.CallCaller {
				t.Errorf("no call ended as %s", result)
			}
		}
		if !strings.Contains(log.String(), "masked") {
			t.Error("the log says nothing of what it leaves out")
		}
	})
}
