package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// refuses makes the API refuse whatever has this text in it.
func refuses(r *rig, bad string, fault *localcloud.Fault) {
	r.onCall("a", func(_ int, body string) *localcloud.Fault {
		if strings.Contains(body, bad) {
			return new(*fault)
		}
		return nil
	})
}

func TestARefusedMergedCallIsTakenApart(t *testing.T) {
	members := []string{put("a", "Name", `"n"`), put("a", "Brand", `"good"`), put("a", "Model", `"unwelcome"`), put("a", "SerialNumber", `"s"`), put("a", "Owner", `"o"`)}
	for _, c := range []struct {
		name   string
		fault  *localcloud.Fault
		reason message.Reason
	}{
		{"ValidationException", status(400, "ValidationException"), message.Rejected},
		{"ResourceNotFoundException", status(404, "ResourceNotFoundException"), message.NotFound},
		{"AccessDeniedException", status(403, "AccessDeniedException"), message.Denied},
		{"413", html(413), message.Exhausted},
	} {
		subtest(t, c.name, layout{}, func(t *testing.T, r *rig) {
			refuses(r, `"unwelcome"`, c.fault)
			w, open := r.gate("a")
			var ids []string
			for _, body := range members { // sent long enough ago for a thing that is not found
				ids = append(ids, r.cloud.SQS.Send(r.queue, localcloud.Message{Body: body, SentAt: time.Now().Add(-time.Hour)}))
				time.Sleep(time.Millisecond)
			}
			open()
			r.withTraffic(200*time.Millisecond, func() { r.wantLetter(ids[2], 10*time.Minute) })
			r.drained(time.Minute)
			w.stopped()
			r.oneLetter(c.reason)
			for member, raw := range map[string]string{"Name": `"n"`, "Brand": `"good"`, "SerialNumber": `"s"`, "Owner": `"o"`} {
				r.wantMember("a", member, raw)
			}
			// One merged call, then each alone, in order; the guilty one maybe again.
			bodies := slices.Compact(r.bodies("a")[1:])
			alone := []string{`{"Name":"n"}`, `{"Brand":"good"}`, `{"Model":"unwelcome"}`, `{"SerialNumber":"s"}`, `{"Owner":"o"}`}
			if len(bodies) != 6 || !slices.Equal(bodies[1:], alone) || strings.Count(bodies[0], ":") != 5 {
				r.t.Errorf("the calls:\n%s", strings.Join(bodies, "\n"))
			}
			if c.reason == message.Rejected || c.reason == message.Denied {
				// The value is none that an id of hexadecimal digits could hold.
				if strings.Contains(r.letters()[0].Attributes["Failure"].StringValue, "unwelcome") {
					r.t.Error("the letter quotes a sensitive value")
				}
			}
		})
	}
}

func TestARefusedNewestValueGivesWayToTheOneBefore(t *testing.T) {
	subtest(t, "newest bad", layout{}, func(t *testing.T, r *rig) {
		refuses(r, `"bad"`, status(400, "ValidationException"))
		w, open := r.gate("a")
		r.send(name("a", "n1"))
		time.Sleep(time.Millisecond)
		r.send(name("a", "n2"))
		time.Sleep(time.Millisecond)
		r.send(name("a", "bad"))
		open()
		r.drained(time.Minute)
		w.stopped()
		r.oneLetter(message.Rejected)
		r.wantMember("a", "Name", `"n2"`)
		w.wantOutcomes(map[message.Outcome]int{message.Applied: 2, message.Superseded: 1, message.DeadLettered: 1})
	})
	subtest(t, "older bad, superseded by the newest", layout{}, func(t *testing.T, r *rig) {
		refuses(r, `"bad"`, status(400, "ValidationException"))
		w, open := r.gate("a")
		r.send(name("a", "bad"))
		time.Sleep(time.Millisecond)
		r.send(name("a", "n2"))
		open()
		r.drained(time.Minute)
		w.stopped()
		r.wantNoLetters()
		r.wantMember("a", "Name", `"n2"`)
	})
}

// One that joins a waiting thing starts at 0, and none is given up because of a
// call that carried others.
func TestAttemptsBelongToAnUpdate(t *testing.T) {
	subtest(t, "only the guilty one", layout{}, func(t *testing.T, r *rig) {
		refuses(r, `"bad"`, status(500, "InternalServerException"))
		w := r.start()
		r.withTraffic(200*time.Millisecond, func() {
			guilty := r.send(put("a", "Model", `"bad"`))
			time.Sleep(100 * time.Second)
			joined := r.send(put("a", "Brand", `"good"`))
			r.wantLetter(guilty, 10*time.Minute)
			r.until("the one that joined is applied", time.Minute, func() bool { _, ok := r.cloud.Things.Get("a"); return ok })
			if _, ok := r.letterOf(joined); ok {
				r.t.Error("the one that joined was given up with the guilty one")
			}
		})
		r.drained(time.Minute)
		w.stopped()
		r.wantMember("a", "Brand", `"good"`)
		r.wantOnlyLetters(1)
	})
	subtest(t, "each by its own count", layout{}, func(t *testing.T, r *rig) {
		r.callsFail("a", status(500, "InternalServerException"))
		w := r.start()
		r.withTraffic(200*time.Millisecond, func() {
			first := r.send(put("a", "Model", `"m"`))
			time.Sleep(100 * time.Second)
			joined := r.send(put("a", "Brand", `"b"`))
			at := time.Now()
			r.wantLetter(first, 10*time.Minute)
			l := r.wantLetter(joined, 20*time.Minute)
			if l.Failure.Attempts < 8 || l.SentAt.Sub(at) < 2*time.Minute {
				r.t.Errorf("%v after it was sent: %+v", l.SentAt.Sub(at), l.Failure)
			}
		})
		r.drained(time.Minute)
		w.stopped()
		r.wantOnlyLetters(2)
		// Each letter comes from a call of its own.
		bodies := r.bodies("a")
		for _, own := range []string{`{"Model":"m"}`, `{"Brand":"b"}`} {
			if !slices.Contains(bodies[len(bodies)/2:], own) {
				r.t.Errorf("no call with %s alone before its letter", own)
			}
		}
	})
}

func TestValuesReachTheAPIByteForByte(t *testing.T) {
	subtest(t, "bytes", layout{}, func(t *testing.T, r *rig) {
		w := r.start()
		schema := `[ {"Format":"AWS","CapabilityId":"aws.OnOff@1.0","ExtrinsicId":"0x01","ExtrinsicVersion":1,` +
			`"Schema":{"a":1.0, "b":12345678901234567890,"c":1e400,"d":-0.0,"e":1.10E+2,"f":"\u00e9\/é","g":null , "h":[null,{}]} } ]`
		metadata := `{ "b" : "x\u0020y",` + "\t" + `"a":"z" }`
		wifi := `{"TimeoutInMinutes":6.0}`
		r.send(`{ "Identifier" : "a", "Name":"H\u00e4ll", "Owner":null, "CapabilitySchemas":` + schema + `,"MetaData":` + metadata + `,"WiFiSimpleSetupConfiguration":` + wifi + ` }`)
		r.drained(time.Minute)
		w.stopped()
		r.wantCalls("a", 1)
		body := r.bodies("a")[0]
		for member, raw := range map[string]string{"Name": `"H\u00e4ll"`, "CapabilitySchemas": schema, "MetaData": metadata, "WiFiSimpleSetupConfiguration": wifi} {
			if !strings.Contains(body, fmt.Sprintf("%q:%s", member, raw)) {
				r.t.Errorf("%s is not in the call as it was written, which is %s", member, body)
			}
		}
		if strings.Contains(body, "Owner") || strings.Contains(body, "Identifier") {
			r.t.Errorf("a member that is null at the top, or the Identifier, is in the call: %s", body)
		}
	})
}

// Merged, three halves of what a call may carry take two calls.
func TestAMergedBodyStaysWithinAMebibyte(t *testing.T) {
	subtest(t, "big", layout{settings: func(c *config.Config) { c.MemberSemantics = config.SemanticsMerge }}, func(t *testing.T, r *rig) {
		r.cloud.Things.Semantics = localcloud.Merge
		w, open := r.gate("a")
		for n := range 6 {
			schema := strings.Repeat("x", 400<<10)
			r.send(put("a", "CapabilitySchemas", fmt.Sprintf(`[{"Format":"AWS","CapabilityId":"aws.C%d@1.0","ExtrinsicId":"0x01","ExtrinsicVersion":1,"Schema":%q}]`, n, schema)))
			time.Sleep(time.Millisecond)
		}
		open()
		r.drained(time.Minute)
		w.stopped()
		for _, body := range r.bodies("a") {
			if len(body) > 1<<20 {
				r.t.Errorf("a body of %d bytes", len(body))
			}
		}
		if n := len(r.calls("a")); n > 4 {
			r.t.Errorf("%d calls, want 4 at most", n)
		}
		r.wantNoLetters()
		a, _ := r.cloud.Things.Get("a")
		for n := range 6 {
			if !strings.Contains(string(a["CapabilitySchemas"]), fmt.Sprintf("aws.C%d@1.0", n)) {
				r.t.Errorf("schema %d is not there", n)
			}
		}
	})
}
