package main

import (
	"context"
	"time"

	"managed-thing-updater/internal/fleet"
	"managed-thing-updater/internal/localcloud"
)

// feed sends the fleet's messages, a burst first and then at the rate, until ctx
// ends or as many are sent as were asked for.
func feed(ctx context.Context, s settings, c *cloud) {
	started := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for sent := 0; ; {
		due := s.burst + int(s.rate*time.Since(started).Seconds())
		if s.messages > 0 {
			due = min(due, s.messages)
		}
		for ; sent < due && ctx.Err() == nil; sent++ {
			c.sendFleet(c.fleet.Next())
		}
		if s.messages > 0 && sent == s.messages {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (c *cloud) sendFleet(m fleet.Message) {
	attributes := make(map[string]localcloud.Attribute, len(m.Attributes))
	for name, a := range m.Attributes {
		attributes[name] = localcloud.Attribute(a)
	}
	err := c.sent.fromFleet(m, func(sentAt time.Time) (string, error) {
		return c.send(localcloud.Message{
			Body: m.Body, GroupID: m.GroupID, DedupID: m.DedupID, Attributes: attributes,
			TraceHeader: m.TraceHeader, Delay: m.Delay, SentAt: sentAt,
		})
	})
	if err != nil {
		panic(err) // unreachable: the fleet makes what SQS takes
	}
}
