package doctor

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// clockwatch sends requests and compares the answers' Date with the clock here.
type clockwatch struct {
	next aws.HTTPClient

	mu   sync.Mutex
	seen bool
	skew time.Duration // by which the clock here is ahead; the smallest seen
}

// Do implements aws.HTTPClient.
func (c *clockwatch) Do(r *http.Request) (*http.Response, error) {
	before := time.Now()
	answer, err := c.next.Do(r)
	if err != nil {
		return answer, err
	}
	// An answer from a cache tells no time.
	if there, err := smithyhttp.ParseTime(answer.Header.Get("Date")); err == nil && answer.Header.Get("Age") == "" {
		c.note(before, time.Now(), there)
	}
	return answer, nil
}

// note takes in that it was between before and after here when it was there, which
// is told in whole seconds.
func (c *clockwatch) note(before, after, there time.Time) {
	var skew time.Duration
	switch {
	case before.Sub(there) > time.Second:
		skew = before.Sub(there) - time.Second
	case there.After(after):
		skew = after.Sub(there)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.seen || skew.Abs() < c.skew.Abs() {
		c.seen, c.skew = true, skew
	}
}

// mostSkew is how far the clock may be off. Signatures end to be accepted at 5
// minutes.
const mostSkew = time.Minute

func clock(f *facts) []Finding {
	f.clock.mu.Lock()
	defer f.clock.mu.Unlock()
	skew := f.clock.skew.Round(time.Second)
	if skew.Abs() <= mostSkew {
		return nil
	}
	way := "ahead of"
	if skew < 0 {
		way = "behind"
	}
	return wrong(fmt.Sprintf("The clock of this machine is %v %s AWS's.", skew.Abs(), way),
		"AWS refuses requests that are signed 5 minutes off until they are signed by its own clock, and leases of messages and the times in the log go by this one.",
		"Set the clock by NTP: chronyc makestep, or timedatectl set-ntp true (on AWS the time server is 169.254.169.123).")
}
