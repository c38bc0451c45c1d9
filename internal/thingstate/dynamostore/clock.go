package dynamostore

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// clock tells DynamoDB's time: the process's clock, put right by the Date that each
// answer of DynamoDB has. One answer tells the time to half a second and half of what
// the answer took, several tell it better. Safe for use by many goroutines.
//
// Until the first answer, and from a jump of the process's clock to the next answer, it
// tells the process's time as it is.
type clock struct {
	process func() time.Time
	ahead   func(time.Duration) // told with each answer; may be nil

	mu sync.Mutex
	// At at, by the process's clock, DynamoDB's was between earliest and latest. Zero: not
	// known.
	at, earliest, latest time.Time
}

const (
	// dateStep is how exact a Date is.
	dateStep = time.Second
	// jump is by how much the wall clock may run away from the monotonic one before it
	// counts as set, or the machine as suspended.
	jump = time.Second
	// drift is how fast two clocks drift apart at most: 1 in so many.
	drift = 5000
)

// note notes that DynamoDB's clock was at date, in whole seconds, some time between before
// and after by the process's clock.
func (c *clock) note(before, after, date time.Time) {
	earliest, latest := date, date.Add(dateStep+after.Sub(before))
	c.mu.Lock()
	if c.knownLocked(after) {
		passed := after.Sub(c.at)
		off := passed.Abs() / drift
		e, l := c.earliest.Add(passed-off), c.latest.Add(passed+off)
		// What contradicts what was known is newer.
		if !e.After(latest) && !earliest.After(l) {
			earliest = slices.MaxFunc([]time.Time{earliest, e}, time.Time.Compare)
			latest = slices.MinFunc([]time.Time{latest, l}, time.Time.Compare)
		}
	}
	c.at, c.earliest, c.latest = after, earliest, latest
	ahead := after.Sub(c.middleLocked())
	c.mu.Unlock()
	if c.ahead != nil {
		c.ahead(ahead)
	}
}

// now is DynamoDB's time at this time of the process.
func (c *clock) now(process time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.knownLocked(process) {
		return process
	}
	return c.middleLocked().Add(process.Sub(c.at))
}

// knownLocked reports whether an answer told the time, and the process's clock was not
// set since.
func (c *clock) knownLocked(process time.Time) bool {
	wall := process.Round(0).Sub(c.at.Round(0))
	return !c.at.IsZero() && (wall-process.Sub(c.at)).Abs() <= jump
}

func (c *clock) middleLocked() time.Time { return c.earliest.Add(c.latest.Sub(c.earliest) / 2) }

// dated sends requests, and tells the clock of the answers' Date.
type dated struct {
	next  aws.HTTPClient
	clock *clock
}

// Do implements aws.HTTPClient.
func (d dated) Do(r *http.Request) (*http.Response, error) {
	before := d.clock.process()
	answer, err := d.next.Do(r)
	if err != nil {
		return answer, err
	}
	// An answer from a cache tells no time.
	if date, err := smithyhttp.ParseTime(answer.Header.Get("Date")); err == nil && answer.Header.Get("Age") == "" {
		d.clock.note(before, d.clock.process(), date)
	}
	return answer, nil
}
