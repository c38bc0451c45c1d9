package localcloud

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	maxMessageBytes    = 1 << 20 // of a message and of a batch, attributes included
	maxMaxReceiveCount = 1000
)

// settings of a queue: what the local cloud acts on, parsed, and all that was
// set, as text.
type settings struct {
	fifo           bool
	contentDedup   bool
	dedupPerGroup  bool
	visibility     time.Duration
	retention      time.Duration
	delay          time.Duration
	wait           time.Duration
	maxBytes       int
	deadLetterName string
	maxReceives    int // 0 without a dead-letter queue
	text           map[string]string
}

// numbers are the attributes with a range, in seconds or bytes.
var numbers = map[string]struct{ least, most int }{
	"VisibilityTimeout":             {0, int(maxVisibility / time.Second)},
	"MessageRetentionPeriod":        {60, 1_209_600},
	"DelaySeconds":                  {0, 900},
	"ReceiveMessageWaitTimeSeconds": {0, 20},
	"MaximumMessageSize":            {1024, maxMessageBytes},
}

// inert are attributes that are kept and have no effect here.
var inert = map[string]bool{
	"Policy": true, "RedriveAllowPolicy": true, "KmsMasterKeyId": true, "KmsDataKeyReusePeriodSeconds": true,
	"SqsManagedSseEnabled": true, "FifoThroughputLimit": true,
}

func defaultSettings() settings {
	return settings{
		visibility: 30 * time.Second, retention: 4 * 24 * time.Hour, maxBytes: maxMessageBytes,
		text: map[string]string{
			"VisibilityTimeout": "30", "MessageRetentionPeriod": "345600", "DelaySeconds": "0",
			"ReceiveMessageWaitTimeSeconds": "0", "MaximumMessageSize": strconv.Itoa(maxMessageBytes), "SqsManagedSseEnabled": "true",
		},
	}
}

// with returns the settings changed by attributes, or what is wrong with them.
func (c settings) with(s *SQS, name string, attrs map[string]string) (settings, *sqsError) {
	c.text = maps.Clone(c.text)
	for key, value := range attrs {
		invalid := func(reason string) (settings, *sqsError) {
			return c, invalidValue(value, key, reason)
		}
		if bounds, ok := numbers[key]; ok {
			n, err := strconv.Atoi(value)
			if err != nil || n < bounds.least || n > bounds.most {
				return invalid(fmt.Sprintf("Must be between %d and %d.", bounds.least, bounds.most))
			}
			c.set(key, n)
			c.text[key] = value
			continue
		}
		switch key {
		case "FifoQueue":
			if value != "true" || !strings.HasSuffix(name, fifoSuffix) {
				return invalid("A FIFO queue has 'true' and a name that ends with .fifo, any other queue does not have the attribute.")
			}
			c.fifo = true
		case "ContentBasedDeduplication":
			c.contentDedup = value == "true"
		case "DeduplicationScope":
			c.dedupPerGroup = value == "messageGroup"
		case "RedrivePolicy":
			if err := c.redrive(s, name, value); err != nil {
				return c, err
			}
		default:
			if !inert[key] {
				return c, modelled("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute %s.", key)
			}
		}
		c.text[key] = value
	}
	return c, nil
}

func (c *settings) set(key string, n int) {
	d := time.Duration(n) * time.Second
	switch key {
	case "VisibilityTimeout":
		c.visibility = d
	case "MessageRetentionPeriod":
		c.retention = d
	case "DelaySeconds":
		c.delay = d
	case "ReceiveMessageWaitTimeSeconds":
		c.wait = d
	case "MaximumMessageSize":
		c.maxBytes = n
	}
}

// redrive reads a RedrivePolicy, whose count people write as a number or as
// text; an empty one takes it away.
func (c *settings) redrive(s *SQS, name, policy string) *sqsError {
	c.deadLetterName, c.maxReceives = "", 0
	if policy == "" {
		return nil
	}
	invalid := func(reason string) *sqsError { return invalidValue(policy, "RedrivePolicy", reason) }
	var p struct {
		DeadLetterTargetArn string `json:"deadLetterTargetArn"`
		MaxReceiveCount     any    `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(policy), &p); err != nil {
		return invalid("Redrive policy is not a valid JSON map.")
	}
	n, err := strconv.Atoi(fmt.Sprint(p.MaxReceiveCount))
	if err != nil || n < 1 || n > maxMaxReceiveCount {
		return invalid("Invalid value for maxReceiveCount. Must be between 1 and 1000.")
	}
	dlq := s.find(p.DeadLetterTargetArn)
	if dlq == nil {
		return invalid("Dead letter target does not exist.")
	}
	if dlq.fifo != strings.HasSuffix(name, fifoSuffix) {
		return invalid("Dead-letter queue must be same type of queue as the source.")
	}
	c.deadLetterName, c.maxReceives = dlq.name, n
	return nil
}
