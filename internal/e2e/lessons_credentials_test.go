package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"managed-thing-updater/internal/app"
)

// comeAfter is a source of credentials that are there only later, as those of an agent
// on a new node.
func comeAfter(r *rig, late time.Duration) func(*app.Options) {
	good, began := r.aws().Credentials, time.Now()
	return func(o *app.Options) {
		o.AWS.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			if time.Since(began) < late {
				return aws.Credentials{}, errors.New("failed to load credentials, connection refused")
			}
			return good.Retrieve(ctx)
		})
	}
}

func TestLesson41_CredentialsThatAreNotThereYetAreWaitedFor(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		r.sendNames("thing", 5)
		w := r.start(comeAfter(r, 90*time.Second))
		time.Sleep(time.Minute)
		w.wantReady(false, "starting", "credentials", "its agent")
		if text := w.statusText(); !strings.Contains(text, "credentials") {
			t.Errorf("/status does not say it: %s", text)
		}
		r.drained(time.Minute)
		w.wantReady(true)
		w.stopped()
		w.wantLines("warn", 1)
		r.wantAppliedOnce("thing", 5)
	})
}

func TestLesson41_CredentialsThatNeverComeEndTheStartAfter2Minutes(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		began := time.Now()
		w := r.start(comeAfter(r, time.Hour))
		<-w.done
		if took := time.Since(began); took < 2*time.Minute || took > 150*time.Second {
			t.Errorf("given up after %v", took)
		}
		if _, ok := errors.AsType[*app.SetupError](w.err); ok || w.err == nil {
			t.Errorf("ended with %v, want an error that is no wrong setting", w.err)
		}
		for _, word := range []string{"no AWS credentials", "connection refused", "AWS_PROFILE"} {
			if !strings.Contains(w.err.Error(), word) {
				t.Errorf("%q does not say %q", w.err, word)
			}
		}
	})
}

func TestAStopWhileCredentialsAreWaitedForEndsAtOnce(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w := r.start(comeAfter(r, time.Hour))
		time.Sleep(time.Minute)
		began := time.Now()
		if err := w.stop(); err != nil || time.Since(began) > 0 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
