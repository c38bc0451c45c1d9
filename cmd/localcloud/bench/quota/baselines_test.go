package quota

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	smithymiddle "github.com/aws/smithy-go/middleware"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/pace"
	"managed-thing-updater/internal/updater"
)

// variant is a way to spend calls: the worker's own, or one that it is compared to.
type variant struct {
	name   string
	change func(*run, *app.Options)
}

var (
	ourOwn   = variant{"worker", func(*run, *app.Options) {}}
	noPace   = variant{"a: backoff alone", func(_ *run, o *app.Options) { o.Pace = unpaced{} }}
	adaptive = variant{"b: SDK adaptive", func(r *run, o *app.Options) { o.Pace, o.API = unpaced{}, newAdaptiveAPI(r.client(o.Transport)) }}

	variants = []variant{ourOwn, noPace, adaptive}
)

// unpaced lets every call out at once.
type unpaced struct{}

func (unpaced) Wait(ctx context.Context) error    { return context.Cause(ctx) }
func (unpaced) Return()                           {}
func (unpaced) Report(pace.Result, time.Duration) {}
func (unpaced) Rate() float64                     { return 1e6 }

// adaptiveAPI is the SDK's adaptive retry mode around the worker's client, run by
// the SDK's own middleware, with its defaults.
type adaptiveAPI struct {
	api     updater.API
	attempt *retry.Attempt
}

func newAdaptiveAPI(api updater.API) adaptiveAPI {
	same := func(request any) any { return request }
	mode := retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) { o.FailOnNoAttemptTokens = true })
	return adaptiveAPI{api, retry.NewAttemptMiddleware(patient{mode}, same)}
}

// patient waits for the tokens of the adaptive mode in its stead. The mode itself
// may work out a wait of 0 ns, which in real time is over at once, and in a bubble,
// where time stands still meanwhile, never.
type patient struct{ *retry.AdaptiveMode }

func (p patient) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	for {
		release, err := p.AdaptiveMode.GetAttemptToken(ctx)
		if err == nil || ctx.Err() != nil {
			return release, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (a adaptiveAPI) UpdateManagedThing(ctx context.Context, in managedthings.Input) (managedthings.Output, error) {
	call := func(ctx context.Context, _ smithymiddle.FinalizeInput) (out smithymiddle.FinalizeOutput, m smithymiddle.Metadata, err error) {
		ctx, cancel := context.WithTimeout(ctx, config.Default().CallTimeout)
		defer cancel()
		out.Result, err = a.api.UpdateManagedThing(ctx, in)
		return out, m, err
	}
	out, _, err := a.attempt.HandleFinalize(ctx, smithymiddle.FinalizeInput{}, smithymiddle.FinalizeHandlerFunc(call))
	answer, _ := out.Result.(managedthings.Output)
	return answer, err
}
