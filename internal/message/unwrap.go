package message

import (
	"errors"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// maxWrappings is how deep a request may be wrapped.
const maxWrappings = 4

// wrapping is one kind of envelope that a request may come in, told from the
// others by its content.
type wrapping struct {
	name    string
	matches func(object) bool
	open    func(object) envelope
}

// wrappings are all envelopes that are JSON objects themselves; where two match,
// the one that stands first counts. What matches none of them is the request.
// The other two wrappings are no objects: a JSON string, and base64, which is told by
// not being JSON.
var wrappings = []wrapping{cloudEvents, eventBridge, kinesis, sns}

// envelope is what one wrapping says of its payload.
type envelope struct {
	payload payload
	// key is the dedup key with its origin in front; empty where there is none.
	key string
	// time is when the event happened.
	time eventTime
	// attributes are the message attributes that the envelope carries.
	attributes map[string]Attribute
}

// payload is what an envelope holds: the text of the next document, or what is
// wrong with it.
type payload struct {
	text []byte
	// member is the envelope's member that is the text, where it is an object
	// there and not inside a string; empty otherwise.
	member string
	fault  *finding
}

func brokenPayload(pointer, rule, detail string) payload {
	return payload{fault: new(found(pointer, rule, detail))}
}

// unwrapped is a body with its wrappings taken off.
type unwrapped struct {
	wrappings []string   // outermost first
	envelopes []envelope // outermost first
	request   object     // nil where a fault hides it
	repeated  bool       // the request, or an object in it, names a member twice
	faults    faults
}

// unwrap takes the wrappings off a body, one at a time.
func unwrap(text []byte) unwrapped {
	var u unwrapped
	for {
		o, err := readObject(text)
		twice := errors.Is(err, jsontext.ErrDuplicateName)
		if twice {
			// Read on, so that whatever else is wrong is reported as well.
			o, err = readObject(text, lenient...)
		}
		name, e := recognise(text, o, err)
		if twice {
			u.failTwice(text, e.payload.member)
		}
		if name != "" && len(u.wrappings) == maxWrappings {
			u.fail(found("", "at most "+strconv.Itoa(maxWrappings)+" wrappings",
				"wrapped more than "+strconv.Itoa(maxWrappings)+" deep: inside them is one more ("+name+")"))
			return u
		}
		if e.payload.fault != nil {
			u.fail(*e.payload.fault)
		}
		if name != "" {
			u.wrappings = append(u.wrappings, name)
			u.envelopes = append(u.envelopes, e)
		}
		if e.payload.fault != nil {
			return u
		}
		if name == "" {
			u.request, u.repeated = o, twice
			return u
		}
		text = e.payload.text
	}
}

// recognise names the wrapping that text is and opens it; the name is empty where
// it is the request itself, or nothing that can be read, which is the payload's
// fault then. o and err are what readObject said of text.
func recognise(text []byte, o object, err error) (name string, e envelope) {
	if err != nil {
		if inner, ok := jsonString(text, err); ok {
			return "json string", envelope{payload: payload{text: inner}}
		}
		if decoded, ok := decodeBase64(text); ok && !isJSON(err) {
			return "base64", envelope{payload: payload{text: decoded}}
		}
		return "", envelope{payload: payload{fault: new(syntaxFinding(text, err))}}
	}
	for _, w := range wrappings {
		if w.matches(o) {
			return w.name, w.open(o)
		}
	}
	return "", envelope{}
}

// isJSON reports whether what readObject refused is JSON all the same.
func isJSON(err error) bool {
	_, ok := errors.AsType[notObject](err)
	return ok
}

func (u *unwrapped) fail(f finding) { u.faults.add(u.wrappings, []finding{f}) }

func (u *unwrapped) failTwice(text []byte, skip string) {
	found, beyond := duplicates(text, skip)
	u.faults.add(u.wrappings, found)
	u.faults.beyond += beyond
}

// payloadOf reads a member that holds the next document as an object, or as a
// string with its text.
func payloadOf(o object, member string) payload {
	raw := o.get(member)
	switch kind := kindOf(raw); kind {
	case '{':
		return payload{text: raw, member: member}
	case '"':
		text, _ := stringOf(raw)
		return payload{text: []byte(text)}
	default:
		return brokenPayload(pointerTo(member), ruleObject, "expected a JSON object, or a string that holds one, got "+kindName(kind))
	}
}
