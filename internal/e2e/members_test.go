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

// The members that hold several keys, waiting and one after the other, under each
// setting, against an API that replaces and one that merges: the end is always
// what the API would have come to, had each update been sent in its order.
func TestMembersWithKeys(t *testing.T) {
	values := map[string][]string{
		"MetaData":                     {`{"a":"1"}`, `{"b":"1"}`, `{"a":"2","b":"2"}`, `{"c":"1","a":"3"}`, `{"c":"2"}`},
		"WiFiSimpleSetupConfiguration": {`{"EnableAsProvisioner":true}`, `{"TimeoutInMinutes":5}`, `{"EnableAsProvisioner":false,"TimeoutInMinutes":6}`, `{}`, `{"EnableAsProvisionee":true}`, `{"TimeoutInMinutes":7}`},
		"CapabilitySchemas": {
			schemas("aws.OnOff@1.0", 1), schemas("aws.Level@1.0", 1),
			joined(schemas("aws.OnOff@1.0", 2), schemas("aws.Level@1.0", 2)),
			schemas("aws.Color@1.0", 1), "[]", schemas("aws.Level@1.0", 3),
			twice(schemas("aws.Fan@1.0", 1)), schemas("aws.Fan@1.0", 2), schemas("aws.Color@1.0", 2), twice(schemas("aws.OnOff@1.0", 4)),
		},
	}
	for _, c := range []struct{ setting, api string }{
		{config.SemanticsReplace, localcloud.Replace},
		{config.SemanticsMerge, localcloud.Merge},
		{config.SemanticsUnknown, localcloud.Replace},
		{config.SemanticsUnknown, localcloud.Merge},
	} {
		for member, raws := range values {
			l := layout{settings: func(cfg *config.Config) { cfg.MemberSemantics = c.setting }}
			subtest(t, fmt.Sprintf("%s, set to %s, the API does %s", member, c.setting, c.api), l, func(t *testing.T, r *rig) {
				r.cloud.Things.Semantics = c.api
				w, open := r.gate("a")
				for _, raw := range raws {
					r.send(put("a", member, raw))
					time.Sleep(time.Millisecond)
				}
				open()
				r.drained(time.Minute)
				for _, raw := range raws { // the model: each sent by itself, in order
					r.settled(localcloud.Message{Body: put("model", member, raw)})
				}
				w.stopped()
				a, _ := r.cloud.Things.Get("a")
				model, _ := r.cloud.Things.Get("model")
				if sorted(string(a[member])) != sorted(string(model[member])) {
					r.t.Errorf("the end is\n%s, want\n%s\nby the calls\n%s", a[member], model[member], strings.Join(r.bodies("a"), "\n"))
				}
				if n := len(r.calls("a")) - 1; c.setting != config.SemanticsUnknown && n != 1 || n > len(raws) {
					r.t.Errorf("%d calls for %d updates that waited together", n, len(raws))
				}
			})
		}
	}
}

// sorted makes two values that differ in the order of their parts the same.
func sorted(raw string) string {
	b := []byte(raw)
	slices.Sort(b)
	return string(b)
}

func joined(lists ...string) string {
	for i, list := range lists {
		lists[i] = strings.TrimSuffix(strings.TrimPrefix(list, "["), "]")
	}
	return "[" + strings.Join(lists, ",") + "]"
}

func twice(list string) string { return joined(list, list) }

func schemas(capability string, version int) string {
	return fmt.Sprintf(`[{"Format":"AWS","CapabilityId":%q,"ExtrinsicId":"0x01","ExtrinsicVersion":%d,"Schema":{"v":%d}}]`, capability, version, version)
}

func TestALateValueOfAMemberWithKeys(t *testing.T) {
	setTo := func(semantics string) layout {
		return layout{settings: func(c *config.Config) { c.MemberSemantics = semantics }}
	}
	late := func(want message.Outcome, value string, calls ...string) func(*testing.T, *rig) {
		return func(t *testing.T, r *rig) {
			r.cloud.Things.Semantics = localcloud.Merge
			w := r.start()
			r.settled(localcloud.Message{Body: put("a", "MetaData", `{"room":"hall"}`)})
			r.sendAt(time.Now().Add(-time.Hour), put("a", "MetaData", `{"room":"den","floor":"1"}`))
			r.drained(time.Minute)
			w.stopped()
			if got := r.bodies("a")[1:]; !slices.Equal(got, calls) {
				r.t.Errorf("calls %q, want %q", got, calls)
			}
			r.wantMember("a", "MetaData", value)
			outcomes := map[message.Outcome]int{message.Applied: 1}
			outcomes[want]++
			w.wantOutcomes(outcomes)
		}
	}
	subtest(t, "merge: the keys that are still its own", setTo(config.SemanticsMerge), late(message.Applied, `{"floor":"1","room":"hall"}`, `{"MetaData":{"floor":"1"}}`))
	subtest(t, "replace", setTo(config.SemanticsReplace), late(message.Superseded, `{"room":"hall"}`))
	subtest(t, "unknown", setTo(config.SemanticsUnknown), late(message.Unsure, `{"room":"hall"}`))
}

// Merged by key, no call has more keys than the API takes.
func TestMergedKeysStayWithinTheirNumber(t *testing.T) {
	subtest(t, "keys", layout{settings: func(c *config.Config) { c.MemberSemantics = config.SemanticsMerge }}, func(t *testing.T, r *rig) {
		r.cloud.Things.Semantics = localcloud.Merge
		w, open := r.gate("a")
		for i := range 8 {
			var pairs, list []string
			for k := range 12 {
				pairs = append(pairs, fmt.Sprintf(`"k%d":"v"`, 12*i+k))
				list = append(list, schemas(fmt.Sprintf("aws.C%d@1.0", 12*i+k), 1))
			}
			r.send(put("a", "MetaData", "{"+strings.Join(pairs, ",")+"}"))
			r.send(put("a", "CapabilitySchemas", joined(list...)))
			time.Sleep(time.Millisecond)
		}
		open()
		r.drained(time.Minute)
		w.stopped()
		r.wantNoLetters()
		r.wantCalls("a", 4)
		a, _ := r.cloud.Things.Get("a")
		for k := range 96 {
			if !strings.Contains(string(a["MetaData"]), fmt.Sprintf(`"k%d"`, k)) || !strings.Contains(string(a["CapabilitySchemas"]), fmt.Sprintf(`aws.C%d@`, k)) {
				r.t.Errorf("key %d is not there", k)
			}
		}
	})
}
