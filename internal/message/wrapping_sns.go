package message

// sns is a notification of Amazon SNS, as a queue receives it where raw message
// delivery is off:
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
var sns = wrapping{
	name: "sns",
	matches: func(o object) bool {
		kind, _ := o.text("Type")
		return kind == "Notification" && o.get("Message") != nil
	},
	open: func(o object) envelope {
		return envelope{
			payload:    textPayload(o, "Message"),
			key:        keyOf("sns", o, "MessageId"),
			time:       timeOf(o, "Timestamp"),
			attributes: snsAttributes(o),
		}
	},
}

// textPayload reads a member that holds the next document's text.
func textPayload(o object, member string) payload {
	text, ok := o.text(member)
	if !ok {
		return brokenPayload(pointerTo(member), "a string", "got "+kindName(kindOf(o.get(member))))
	}
	return payload{text: []byte(text)}
}

// snsAttributes are the notification's MessageAttributes. What does not have
// their form is left out: they are a stranger's, and none is required.
func snsAttributes(o object) map[string]Attribute {
	all, err := readObject(o.get("MessageAttributes"), lenient...)
	if err != nil || len(all) == 0 {
		return nil
	}
	attributes := make(map[string]Attribute, len(all))
	for _, m := range all {
		entry, err := readObject(m.Value, lenient...)
		if err != nil {
			continue
		}
		kind, hasKind := entry.text("Type")
		value, hasValue := entry.text("Value")
		if hasKind && hasValue {
			attributes[m.Name] = Attribute{DataType: kind, StringValue: value}
		}
	}
	return attributes
}
