package message_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"managed-thing-updater/internal/message"
)

func seeds(t testing.TB) []string {
	all := []string{
		request, smallBody, inSNS(request), inKinesis(request), inEventBridge(request), inCloudEvent(request), inCloudEvent64(request), inBase64(request), quoted(request),
		inBase64(inSNS(inKinesis(inCloudEvent(request)))), `{"Identifier":"a","Identifier":"b"}`, `{"Identifier":`, "\ufeff{}", "{}", "[]", "12",
	}
	full, err := json.Marshal(apiInput(t).valid())
	if err != nil {
		t.Fatal(err)
	}
	return append(all, string(full))
}

func FuzzDecode(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, "2026-11-20T11:30:00Z")
	}
	f.Fuzz(func(t *testing.T, body, attribute string) {
		in := withAttributes(body, map[string]message.Attribute{"OccurredAt": text(attribute), "DeduplicationId": text(attribute), "Failure": text(attribute)})
		u, faults := message.Decode(in, message.Options{MaxEventAge: time.Hour})
		if len(u.Key) > message.MaxKey || u.Key == "" {
			t.Errorf("key %q", u.Key)
		}
		if u.Order.EventTime.After(u.Order.SentAt) || u.Order.EventTime.IsZero() || u.TimeFrom == "" {
			t.Errorf("order %+v from %q", u.Order, u.TimeFrom)
		}
		if len(u.Wrappings) > 4 || len(faults) > message.MaxFaults+1 {
			t.Errorf("%d wrappings, %d faults", len(u.Wrappings), len(faults))
		}
		for _, x := range faults {
			if x.Rule == "" || x.Detail == "" || len(x.Pointer) > 300 || len(x.Detail) > 1000 {
				t.Errorf("fault %+v", x)
			}
		}
		if len(faults) > 0 {
			if u.Thing != "" || u.Members != nil {
				t.Errorf("faults, and yet %q and %d members", u.Thing, len(u.Members))
			}
			return
		}
		if u.Thing == "" || u.Size() > message.MaxRequestBytes && len(body) <= message.MaxRequestBytes {
			t.Errorf("thing %q, %d bytes", u.Thing, u.Size())
		}
		again, faults := decode(assembled(u))
		if len(faults) > 0 {
			t.Fatalf("what was sent has faults: %v", faults)
		}
		sameMembers(t, again, u)
		for _, m := range u.Members {
			if parts, ok := message.Parts(m.Name, m.Value); ok {
				if joined := message.Join(m.Name, parts); !sameJSON(sorted(joined), sorted(m.Value)) {
					t.Errorf("%s: %s taken apart and joined is %s", m.Name, m.Value, joined)
				}
			}
		}
		// The same message with its sensitive values broken says nothing of them.
		const marker = "\x7fZqxWvut"
		broken := u
		broken.Members = slices.Clone(u.Members)
		for i, m := range broken.Members {
			if message.IsSensitive(m.Name) {
				broken.Members[i].Value = []byte(quoted(marker + strings.Trim(string(m.Value), `"\`)))
			}
		}
		if _, faults := decode(assembled(broken)); strings.Contains(fmt.Sprint(faults), "ZqxWvut") {
			t.Errorf("%v", faults)
		}
	})
}

func sameMembers(t interface{ Errorf(string, ...any) }, got, want message.Update) {
	same := slices.EqualFunc(got.Members, want.Members, func(a, b message.Member) bool {
		return a.Name == b.Name && bytes.Equal(a.Value, b.Value)
	})
	if got.Thing != want.Thing || !same {
		t.Errorf("thing %q, members %q; want %q, %q", got.Thing, got.Members, want.Thing, want.Members)
	}
}

// sorted is a JSON array with its elements in an order of their own: joined, those
// of one CapabilityId stand together. Anything else stays as it is.
func sorted(raw []byte) []byte {
	var elements []json.RawMessage
	if json.Unmarshal(raw, &elements) != nil {
		return raw
	}
	slices.SortFunc(elements, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	out, _ := json.Marshal(elements)
	return out
}

func sameJSON(a, b []byte) bool {
	var x, y bytes.Buffer
	var v any
	for text, out := range map[*bytes.Buffer][]byte{&x: a, &y: b} {
		d := json.NewDecoder(bytes.NewReader(out))
		d.UseNumber()
		if d.Decode(&v) != nil {
			return false
		}
		_ = json.NewEncoder(text).Encode(v)
	}
	return bytes.Equal(x.Bytes(), y.Bytes())
}

func TestAnyNestingUpTo4DecodesToTheSameMembers(t *testing.T) {
	wrappers := []struct {
		name string
		wrap func(string) string
		text bool // takes any text, not only an object
	}{
		{"sns", inSNS, true},
		{"kinesis", inKinesis, true},
		{"eventbridge", inEventBridge, false},
		{"eventbridge", inEventBridgeText, true},
		{"cloudevents", inCloudEvent, false},
		{"cloudevents", inCloudEventText, true},
		{"cloudevents", inCloudEvent64, true},
		{"base64", inBase64, true},
		{"json string", quoted, true},
	}
	rapid.Check(t, func(t *rapid.T) {
		room := rapid.String().Filter(func(s string) bool { return !strings.ContainsAny(s, "\n\r\u2028\u2029") }).Draw(t, "room")
		number := rapid.Float64().Draw(t, "number")
		plain := fmt.Sprintf(`{"Identifier":%s,"MetaData":{"room":%s},"CapabilitySchemas":[%s]}`,
			quoted(rapid.StringMatching(`[a-zA-Z0-9:_-]{1,64}`).Draw(t, "thing")), quoted(room), capabilitySchema(fmt.Sprintf("{ \"n\" : %v }", number)))
		want, faults := decode(plain)
		if len(faults) > 0 {
			t.Fatalf("%s: %v", plain, faults)
		}
		body, object := plain, true
		var names []string
		for range rapid.IntRange(0, 4).Draw(t, "depth") {
			w := rapid.SampledFrom(wrappers).Filter(func(w struct {
				name string
				wrap func(string) string
				text bool
			},
			) bool {
				return object || w.text
			}).Draw(t, "wrapping")
			body, object = w.wrap(body), w.name != "base64" && w.name != "json string"
			names = append([]string{w.name}, names...)
		}
		got, faults := decode(body)
		if len(faults) > 0 {
			t.Fatalf("%s: %v", body, faults)
		}
		sameMembers(t, got, want)
		if !slices.Equal(got.Wrappings, names) {
			t.Errorf("wrappings %q, want %q", got.Wrappings, names)
		}
	})
}
