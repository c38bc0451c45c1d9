package message

// eventBridge is an event of Amazon EventBridge:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
var eventBridge = wrapping{
	name:    "eventbridge",
	matches: func(o object) bool { return o.get("detail-type") != nil && o.get("detail") != nil },
	open: func(o object) envelope {
		return envelope{
			payload: payloadOf(o, "detail"),
			key:     keyOf("eventbridge", o, "id"),
			time:    timeOf(o, "time"),
		}
	},
}
