package awshttp

import (
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// datePrecision is how far apart two equal clocks may seem: a Date counts whole seconds,
// and the answer takes time to come.
const datePrecision = 2 * time.Second

// ClockAhead is how far the clock of the service that answered is ahead of ours, by its
// answer's Date; below 0 it is behind. It is 0 if the two may be equal, or if the answer
// has no Date.
func ClockAhead(answer middleware.Metadata) time.Duration {
	there, ok := awsmiddleware.GetServerTime(answer)
	here, arrived := awsmiddleware.GetResponseAt(answer)
	if !ok || !arrived {
		return 0
	}
	ahead := there.Sub(here)
	if ahead.Abs() < datePrecision {
		return 0
	}
	return ahead
}
