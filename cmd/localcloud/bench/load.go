package main

import (
	"fmt"
	"strings"
	"time"

	"managed-thing-updater/internal/localcloud"
)

// load is what one run of the worker has to do.
type load struct {
	messages int
	message  func(i int) string
	latency  time.Duration
	settings []string // WORKER_…
	patience time.Duration
}

// concurrency of the calls, the worker's and the floor's.
const concurrency = 64

func updates(s settings) load {
	return load{
		messages: s.messages, message: message, latency: s.latency,
		settings: []string{"WORKER_RATE_START=20000", fmt.Sprintf("WORKER_CONCURRENCY=%d", concurrency)},
		patience: 2*time.Minute + time.Duration(s.messages)*5*time.Millisecond,
	}
}

func bodies(s settings) load {
	large := strings.Repeat(`{"code":"0x0000","name":"OnOff","type":"boolean","access":["read","subscribe"]},`, largeBody/80)
	return load{
		messages: s.bodies, latency: s.latency,
		message: func(i int) string {
			return fmt.Sprintf(`{"Identifier":%q,"CapabilitySchemas":[{"Format":"ZCL","CapabilityId":"zigbee.OnOff@1.0","ExtrinsicId":"0x0006","ExtrinsicVersion":1,"Schema":{"attributes":[%s{}]}}]}`, thing(i), large)
		},
		settings: []string{"WORKER_RATE_START=20000", "WORKER_MAX_HELD_BYTES=64MiB"},
		patience: 2*time.Minute + time.Duration(s.bodies)*time.Second,
	}
}

const largeBody = 900 << 10 // bytes, but for its frame

// thing is the i-th of the things, as long as an id of the service.
func thing(i int) string { return fmt.Sprintf("3f9b2c1e7a6d4c0f9e8b7a6c%08d", i) }

// request is the body of the i-th call: with the Identifier 300 bytes.
func request(i int) string {
	return fmt.Sprintf(`{"Name":"Hall light %08d","Owner":"customer-%08d","Brand":"Lumen","Model":"A19-E26 dimmable",`+
		`"Classification":"light bulb","MetaData":{"room":"hall","floor":"0","installedBy":"field-team-7","note":"replaced twice, last time by field-team-9a."}}`, i, i)
}

// message is the body of the i-th message, which asks for the i-th call.
func message(i int) string {
	return fmt.Sprintf(`{"Identifier":%q,%s`, thing(i), request(i)[1:])
}

// feed puts all messages into the queue.
func (l load) feed(c *cloud) {
	for i := range l.messages {
		c.SQS.Send(c.queue, localcloud.Message{Body: l.message(i)})
	}
}
