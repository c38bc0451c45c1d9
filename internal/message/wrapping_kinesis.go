package message

// kinesis is a record of a Kinesis data stream that EventBridge Pipes passed on:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-kinesis.html
var kinesis = wrapping{
	name:    "kinesis",
	matches: func(o object) bool { return o.get("kinesisSchemaVersion") != nil && o.get("data") != nil },
	open: func(o object) envelope {
		return envelope{
			payload: base64Payload(o, "data"),
			key:     keyOf("kinesis", o, "eventID"),
			time:    epochOf(o, "approximateArrivalTimestamp", nanosecondsPerSecond),
		}
	},
}
