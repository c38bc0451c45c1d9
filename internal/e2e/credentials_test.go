package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"

	"github.com/aws/aws-sdk-go-v2/aws"
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

func TestCredentialsThatAreNotThereYetAreWaitedFor(t *testing.T) {
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

func TestCredentialsThatNeverComeEndTheStartAfter2Minutes(t *testing.T) {
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

// callerTroubles concern the caller's credentials, signature or clock.
var callerTroubles = []string{
	"ExpiredTokenException", "ExpiredToken", "InvalidSignatureException", "SignatureDoesNotMatch",
	"UnrecognizedClientException", "InvalidClientTokenId", "IncompleteSignatureException", "IncompleteSignature",
	"RequestTimeTooSkewed", "RequestExpired", "MissingAuthenticationTokenException",
}

func TestTroubleWithWhoWeAreDeadLettersNothing(t *testing.T) {
	inBubble(t, layout{settings: func(c *config.Config) { c.RetryAttempts = 1 }}, func(t *testing.T, r *rig) {
		from := time.Now().Add(5 * time.Minute)
		to := from.Add(10 * time.Minute)
		r.onCall("*", func(n int, _ string) *localcloud.Fault {
			if now := time.Now(); now.Before(from) || now.After(to) {
				return nil
			}
			return status(403, callerTroubles[n%len(callerTroubles)])
		})
		// Not even if it hits some things only, and all the others fare well.
		var heals []func()
		for _, code := range callerTroubles {
			heals = append(heals, r.callsFail(code, status(403, code)))
		}
		w := r.start()
		for _, code := range callerTroubles {
			r.send(name(code, "new"))
		}
		r.withTraffic(2*time.Second, func() { time.Sleep(time.Until(to)) })
		for _, heal := range heals {
			heal()
		}
		r.drained(5 * time.Minute)
		w.stopped()
		r.wantNoLetters()
		for _, code := range callerTroubles {
			r.wantMember(code, "Name", `"new"`)
		}
	})
}

// brokenCredentials are an account's that stop working for a while.
type brokenCredentials struct {
	mu    sync.Mutex
	now   aws.Credentials
	fails error
}

func (b *brokenCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now, b.fails
}

func (b *brokenCredentials) set(secret string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := "AKIDLOCAL"
	if secret != "local-secret" {
		key = "AKIDROLLED" // of its own: the signer keeps what it derives from a secret, by key and day
	}
	b.now, b.fails = aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, err
}

func TestCredentialsThatFailWhileRunningAreWaitedFor(t *testing.T) {
	for _, c := range []struct {
		name, secret string
		err          error
	}{
		{"there are none any more", "", errors.New("the role cannot be assumed")},
		{"the API and the queue refuse them", "rolled-over", nil},
	} {
		subtest(t, c.name, layout{settings: func(c *config.Config) { c.RetryAttempts = 1 }}, func(t *testing.T, r *rig) {
			hold := make(chan struct{})
			r.callsFail("held-0", &localcloud.Fault{Hold: hold})
			credentials := &brokenCredentials{}
			credentials.set("local-secret", nil)
			w := r.start(func(o *app.Options) { o.AWS.Credentials = credentials })
			r.sendNames("held", 10)
			r.until("all are being worked on", time.Minute, func() bool { return w.Status().Messages.Received == 10 })
			credentials.set(c.secret, c.err)
			close(hold)
			r.sendNames("later", 10)
			time.Sleep(10 * time.Minute)
			r.wantNoLetters()
			credentials.set("local-secret", nil)
			r.drained(10 * time.Minute)
			w.stopped()
			r.wantNoLetters()
			for n := range 10 {
				r.wantMember(fmt.Sprintf("held-%d", n), "Name", `"new"`)
				r.wantMember(fmt.Sprintf("later-%d", n), "Name", `"new"`)
			}
			if strings.Contains(w.lines(), "rolled-over") {
				t.Error("the secret is in the log")
			}
		})
	}
}
