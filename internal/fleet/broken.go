package fleet

import (
	"encoding/base64"
	"strings"
	"time"
)

// fault is one way in which producers get messages wrong.
type fault struct {
	kind string
	body func(f *Fleet, t *thing) string
}

// saying is a request of these members.
func saying(members ...string) func(*Fleet, *thing) string {
	return func(_ *Fleet, t *thing) string {
		return object(append([]string{"Identifier", quote(t.id)}, members...)...)
	}
}

var faults = []fault{
	{"broken: cut off", func(_ *Fleet, t *thing) string {
		return `{"Identifier":` + quote(t.id) + `,"Name":"hall li`
	}},
	{"broken: two values", func(_ *Fleet, t *thing) string {
		one := object("Identifier", quote(t.id), "Name", `"one"`)
		return one + "\n" + one
	}},
	{"broken: plain text", func(*Fleet, *thing) string { return "turn on the light!" }},
	{"broken: array", func(_ *Fleet, t *thing) string {
		return array([]string{object("Identifier", quote(t.id), "Name", `"one"`)})
	}},
	{"broken: unknown member", saying("Metadata", object("room", `"hall"`), "name", `"hall"`)},
	{"broken: unknown member inside", saying("WiFiSimpleSetupConfiguration", object("Timeout", "10"))},
	{"broken: no identifier", func(f *Fleet, _ *thing) string {
		return object("ManagedThingId", quote(f.hex(12)), "Name", f.name())
	}},
	{"broken: an ARN", func(_ *Fleet, t *thing) string {
		return object("Identifier", quote("arn:aws:iotmanagedintegrations:eu-west-1:000000000000:managed-thing/"+t.id), "Name", `"hall"`)
	}},
	{"broken: duplicate key", saying("MetaData", object("room", `"hall"`, "room", `"kitchen"`))},
	{"broken: pattern", saying("Name", `"Hall <left>"`)},
	{"broken: sensitive value", func(_ *Fleet, t *thing) string {
		return object("Identifier", quote(t.id), "SerialNumber", quote("#"+t.serial), "Owner", `"Ms. Example & sons"`)
	}},
	{"broken: too long", saying("Name", quote(strings.Repeat("hall ", 30)))},
	{"broken: null inside", saying("MetaData", object("room", "null"))},
	{"broken: wrong type", saying("WiFiSimpleSetupConfiguration", object("TimeoutInMinutes", `"10"`, "EnableAsProvisionee", "1"))},
	{"broken: out of bounds", saying("WiFiSimpleSetupConfiguration", object("TimeoutInMinutes", "60"))},
	{"broken: report", saying("CapabilityReport", object("version", `"2.0"`, "endpoints", `[{"id":"1"}]`))},
	{"broken: envelope", func(f *Fleet, _ *thing) string {
		return object("kinesisSchemaVersion", `"1.0"`, "data", `"{not base64}"`, "eventID", quote(f.uuid()))
	}},
	{"broken: nothing in the envelope", func(f *Fleet, _ *thing) string {
		return object("specversion", `"1.0"`, "type", `"thing"`, "source", `"/gateways/1"`, "id", quote(f.uuid()))
	}},
	{"broken: wrapped too deep", func(f *Fleet, t *thing) string {
		body := object("Identifier", quote(t.id), "Name", f.name())
		for range 5 {
			body = base64.StdEncoding.EncodeToString([]byte(body))
		}
		return body
	}},
}

func (f *Fleet) newBroken(now time.Time) Message {
	b := f.faults.next(f.rand)
	t := f.pick(broken)
	m := Message{Kind: b.kind, Broken: true, GroupID: f.group(t), Body: b.body(f, t)}
	if f.chance(3) {
		m.Wrappings = []string{"sns"}
		m.Body, _, _ = f.envelope("sns", m.Body, now, nil)
	}
	return m
}
