package message

// cloudEvents is an event in the structured JSON form of CloudEvents 1.0:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
var cloudEvents = wrapping{
	name: "cloudevents",
	matches: func(o object) bool {
		version, _ := o.text("specversion")
		return version == "1.0"
	},
	open: func(o object) envelope {
		e := envelope{key: cloudEventKey(o), time: timeOf(o, "time")}
		data, encoded := present(o, "data"), present(o, "data_base64")
		switch {
		case data || o.get("data") != nil && !encoded:
			e.payload = payloadOf(o, "data")
		case encoded:
			e.payload = base64Payload(o, "data_base64")
		default:
			e.payload = brokenPayload(pointerTo("data"), "required member", "missing: a CloudEvent holds the request in data, or as base64 in data_base64")
		}
		return e
	},
}

// cloudEventKey is source and id: the specification makes only the two together
// unique.
func cloudEventKey(o object) string {
	source, _ := o.text("source")
	id, _ := o.text("id")
	if source == "" || id == "" {
		return ""
	}
	return boundKey("cloudevents", source+"\n"+id)
}

// present reports whether an optional member is there and not null.
func present(o object, member string) bool {
	raw := o.get(member)
	return raw != nil && kindOf(raw) != 'n'
}
