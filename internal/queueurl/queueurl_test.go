package queueurl_test

import (
	"testing"

	"managed-thing-updater/internal/queueurl"
)

func TestWhatAnAddressSays(t *testing.T) {
	for _, c := range []struct {
		address, name string
		fifo          bool
	}{
		{"https://sqs.eu-west-1.amazonaws.com/123456789012/updates", "updates", false},
		{"http://127.0.0.1:9324/000000000000/updates.fifo", "updates.fifo", true},
		{"arn:aws:sqs:eu-west-1:123456789012:updates-dlq.fifo", "updates-dlq.fifo", true},
		{"updates", "updates", false},
		{"", "", false},
	} {
		if name, fifo := queueurl.Name(c.address), queueurl.FIFO(c.address); name != c.name || fifo != c.fifo {
			t.Errorf("%q: %q, FIFO %v", c.address, name, fifo)
		}
	}
}
