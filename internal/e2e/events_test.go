package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/message"
)

// secret is in every value of a sensitive member that these tests send, and in
// nothing else.
const secret = "S3CR3T"

// refusedMark is in the values that the API is to refuse with a ValidationException.
const refusedMark = "refused"

// absentThing does not exist: its updates end as not_found.
const absentThing = "absent:thing"

// event is one message and what the model must know of it.
type event struct {
	n         int // is in every value that it sets, but for those that have no room for it
	thing     string
	members   map[string]json.RawMessage
	body      string
	attribute map[string]localcloud.Attribute
	group     string
	dedup     string         // FIFO only
	happened  time.Time      // by the producer; zero: it does not say
	void      message.Reason // why it must become a letter; empty: it must not

	// Set when it was sent.

	id     string
	sentAt time.Time
	seq    int // place among all that was sent: FIFO's sequence numbers grow with it
}

// effective is when the event counts as having happened.
func (e *event) effective() time.Time {
	if e.happened.IsZero() || e.happened.After(e.sentAt) || e.sentAt.Sub(e.happened) > 28*24*time.Hour {
		return e.sentAt
	}
	return e.happened
}

// compare is the order of two updates of one thing: event time, on a FIFO queue
// the place in it, sent time, message id.
func (s *model) compare(a, b *event) int {
	if c := a.effective().Compare(b.effective()); c != 0 {
		return c
	}
	if s.fifo {
		return a.seq - b.seq
	}
	if c := a.sentAt.Compare(b.sentAt); c != 0 {
		return c
	}
	return strings.Compare(a.id, b.id)
}

// producer makes events up.
type producer struct {
	rand   *rand.Rand
	things int
	fifo   bool
	// inOrder makes events happen when they are sent.
	inOrder bool
	// allExist makes no event for the thing that does not exist: it takes a minute
	// to find out.
	allExist bool
	made     int
	moment   time.Time // that several events share
}

func (p *producer) chance(share float64) bool { return p.rand.Float64() < share }

func (p *producer) next() *event {
	p.made++
	e := &event{n: p.made, thing: fmt.Sprintf("thing:%d", p.rand.IntN(p.things)), members: map[string]json.RawMessage{}}
	defer func() {
		if p.fifo {
			e.group, e.dedup = e.thing, fmt.Sprintf("event-%d", e.n)
		}
	}()
	switch roll := p.rand.Float64(); {
	case roll < 0.08:
		e.void, e.body = message.InvalidMessage, p.broken(e.thing)
		return e
	case roll < 0.13:
		e.void = message.Rejected
		e.members["Owner"] = fmt.Appendf(nil, `"%s-%s-e%dz"`, refusedMark, secret, e.n)
	case roll < 0.15 && !p.allExist:
		e.void, e.thing = message.NotFound, absentThing
		e.members["Name"] = fmt.Appendf(nil, `"e%dz"`, e.n)
	default:
		for range 1 + p.rand.IntN(3) {
			name := memberNames[p.rand.IntN(len(memberNames))]
			e.members[name] = json.RawMessage(p.value(name, e.n))
		}
	}
	e.body = p.request(e)
	if p.chance(0.1) {
		e.body = base64.StdEncoding.EncodeToString([]byte(e.body))
	}
	p.stamp(e)
	return e
}

// stamp says when the event happened, or does not. One with a dedup key has a
// moment of its own, so that its copies share their place in the order.
func (p *producer) stamp(e *event) {
	if p.inOrder {
		return
	}
	now := time.Now()
	e.attribute = map[string]localcloud.Attribute{}
	switch p.rand.IntN(8) {
	case 0, 1:
		return
	case 2: // a clock ahead
		e.happened = now.Add(time.Duration(p.rand.IntN(1e6)) * time.Minute)
	case 3: // a clock that was never set
		e.happened = time.Unix(int64(p.rand.IntN(1000)), 0)
	case 4: // a moment shared with others
		if now.Sub(p.moment) > 20*time.Second {
			p.moment = now.Truncate(time.Millisecond)
		}
		e.happened = p.moment
		e.attribute["OccurredAt"] = localcloud.Attribute{DataType: "Number", StringValue: strconv.FormatInt(e.happened.UnixMilli(), 10)}
		return
	default: // late
		e.happened = now.Add(-time.Duration(p.rand.Int64N(int64(2 * time.Minute))))
		e.attribute["DeduplicationId"] = localcloud.Attribute{DataType: "String", StringValue: fmt.Sprintf("key-%d", e.n)}
	}
	e.attribute["OccurredAt"] = occurredAt(e.happened)["OccurredAt"]
}

var memberNames = []string{
	"Owner", "CredentialLockerId", "SerialNumber", "WiFiSimpleSetupConfiguration", "Brand", "Model", "Name", "Name",
	"CapabilityReport", "CapabilitySchemas", "CapabilitySchemas", "Capabilities", "Classification", "HubNetworkMode",
	"MetaData", "MetaData", "MetaData",
}

// value is one for this member, odd as producers write: spaces, numbers that no
// float64 holds, escapes.
func (p *producer) value(member string, n int) string {
	tag := fmt.Sprintf("e%dz", n)
	switch member {
	case "Owner":
		return fmt.Sprintf(`"%s-%s@home"`, secret, tag)
	case "SerialNumber", "Brand", "Model", "Classification":
		return fmt.Sprintf(`"%s %s"`, secret, tag)
	case "HubNetworkMode":
		return []string{`"STANDARD"`, `"NETWORK_WIDE_EXCLUSION"`}[p.rand.IntN(2)]
	case "WiFiSimpleSetupConfiguration":
		return p.object(0, func(key string) string {
			if key == "TimeoutInMinutes" {
				return strconv.Itoa(5 + p.rand.IntN(11))
			}
			return []string{"true", "false"}[p.rand.IntN(2)]
		}, "EnableAsProvisioner", "EnableAsProvisionee", "TimeoutInMinutes")
	case "MetaData":
		return p.object(1, func(string) string { return `"\u0065` + tag[1:] + ` <&>"` }, "room", "floor", "a/b", "\u00fcber-1")
	case "CapabilityReport":
		return fmt.Sprintf(`{"version":"1.0.0", "nodeId":"%s","endpoints":[ ]}`, tag)
	case "CapabilitySchemas":
		var schemas []string
		for _, name := range p.some(0, "switch", "dimmer", "colour") {
			schemas = append(schemas, fmt.Sprintf(
				`{"Format":"ZCL","CapabilityId":"matter.%s@1.0","ExtrinsicId":"0x0006","ExtrinsicVersion":1,"Schema":{"x":1.0,"big":12345678901234567890,"of":%q,"n":null}}`, name, tag))
		}
		return "[" + strings.Join(schemas, " ,") + "]"
	}
	return `"` + tag + `"`
}

// some are at least so many of the names, in any order.
func (p *producer) some(least int, names ...string) []string {
	p.rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names[:least+p.rand.IntN(len(names)+1-least)]
}

func (p *producer) object(least int, value func(key string) string, keys ...string) string {
	var fields []string
	for _, key := range p.some(least, keys...) {
		fields = append(fields, fmt.Sprintf("%q :%s", key, value(key)))
	}
	return "{" + strings.Join(fields, ",") + "}"
}

func (p *producer) request(e *event) string {
	fields := []string{fmt.Sprintf(`"Identifier":%q`, e.thing)}
	for name, raw := range e.members {
		fields = append(fields, fmt.Sprintf("%q: %s", name, raw))
	}
	slices.Sort(fields) // maps come in any order
	p.rand.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	return "{" + strings.Join(fields, ", ") + "}"
}

// broken is a body that breaks a rule, with a sensitive value where it does.
func (p *producer) broken(thing string) string {
	head := fmt.Sprintf(`{"Identifier":%q,`, thing)
	bodies := []string{
		head + `"Owner":"` + strings.Repeat(secret, 11) + `"}`,
		head + `"Owner":"` + secret + ` !"}`,
		head + `"Owner":{"` + secret + `":"` + secret + `"}}`,
		head + `"Owner":["` + secret + `"]}`,
		head + `"SerialNumber":"` + secret + `","SerialNumber":"` + secret + `"}`,
		head + `"SerialNumber":"` + secret + `/"}`,
		head + `"Brand":"` + secret,
		head + `"Brand":"` + secret + `\q"}`,
		head + `"Brand":` + secret + `}`,
		head + `"Model":"` + secret + `"} "` + secret + `"`,
		head + `"Model":"` + secret + `","Nmae":"x"}`,
		head + `"Classification":"` + strings.Repeat(secret, 11) + `"}`,
		head + `"Classification":"` + secret + `","MetaData":{"a":null}}`,
		head + `"Classification":{"deep":{"` + secret + `":null}}}`,
		`{"Owner":"` + secret + `"}`,
		`{"Identifier":"no such!","Owner":"` + secret + `"}`,
		base64.StdEncoding.EncodeToString([]byte(head + `"Model":"` + secret + `?"}`)),
		`{"Type":"Notification","Message":"{\"Identifier\":\"x\",\"Owner\":\"` + secret + ` !\"}"}`,
	}
	return bodies[p.rand.IntN(len(bodies))]
}

var tags = regexp.MustCompile(`(?:e|\\u0065)(\d+)z`)

// tagsIn are the numbers of the events whose values are in a raw value.
func tagsIn(raw string) []int {
	var found []int
	for _, m := range tags.FindAllStringSubmatch(raw, -1) {
		n, _ := strconv.Atoi(m[1])
		found = append(found, n)
	}
	return found
}

// keyed are the members that the API may merge by key.
var keyed = map[string]bool{"MetaData": true, "WiFiSimpleSetupConfiguration": true, "CapabilitySchemas": true}

// keysOf takes a value of a keyed member apart.
func keysOf(member string, raw json.RawMessage) map[string]string {
	parts := map[string]string{}
	if member == "CapabilitySchemas" {
		var list []json.RawMessage
		_ = json.Unmarshal(raw, &list)
		for _, schema := range list {
			var s struct{ CapabilityId string }
			_ = json.Unmarshal(schema, &s)
			parts[s.CapabilityId] = string(schema)
		}
		return parts
	}
	var object map[string]json.RawMessage
	_ = json.Unmarshal(raw, &object)
	for key, value := range object {
		parts[key] = string(value)
	}
	return parts
}
