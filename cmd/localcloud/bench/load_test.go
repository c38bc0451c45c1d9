package main

import (
	"testing"

	msg "managed-thing-updater/internal/message"
)

func TestLoadsAreWhatTheyAreCalled(t *testing.T) {
	small := message(9999)
	if len(small) != 300 {
		t.Errorf("a small message has %d bytes, want 300", len(small))
	}
	large := bodies(settings{}).message(1)
	if n := len(large); n < largeBody || n > largeBody+1024 {
		t.Errorf("a large message has %d bytes, want about %d", n, largeBody)
	}
	for _, body := range []string{small, large} {
		if _, faults := msg.Decode(msg.Incoming{ID: "id", Body: body, Receives: 1}, msg.Options{}); len(faults) > 0 {
			t.Errorf("not valid: %v", faults)
		}
	}
}
