package doctor_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/doctor"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/managedthings"
)

// probed is a thing that is probed, over the API's real protocol.
type probed struct {
	t         *testing.T
	cloud     *localcloud.Cloud
	transport http.RoundTripper
	plan      string
	refuse    bool // the confirmation
}

var oldValues = map[string]string{"room": "hall", "floor": "it's 1", "wing": "west"}

func probeBed(t *testing.T, semantics string, metaData map[string]string) *probed {
	p := &probed{t: t, cloud: localcloud.New(localcloud.Options{})}
	p.cloud.Things.Semantics, p.cloud.Things.AutoCreate = semantics, false
	members := map[string]json.RawMessage{"Name": json.RawMessage(`"Hall"`)}
	if metaData != nil {
		members["MetaData"], _ = json.Marshal(metaData)
	}
	p.cloud.Things.Create("lamp", members)
	p.transport = p.cloud.Transport()
	return p
}

func (p *probed) probe(ctx context.Context, thing string) (string, error) {
	client, err := managedthings.New(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDLOCAL", SecretAccessKey: "local-secret"}, nil
		}),
	}, managedthings.Options{HTTP: awshttp.New(awshttp.Options{Transport: p.transport})})
	if err != nil {
		p.t.Fatal(err)
	}
	return doctor.Probe(ctx, client, doctor.ProbeOptions{
		Thing: thing, Region: "eu-west-1", CallTimeout: 10 * time.Second,
		Say:     func(string) {},
		Confirm: func(plan string) bool { p.plan = plan; return !p.refuse },
	})
}

// unchanged checks that the thing has its old values, and nothing else.
func (p *probed) unchanged() {
	p.t.Helper()
	members, _ := p.cloud.Things.Get("lamp")
	var now map[string]string
	if err := json.Unmarshal(members["MetaData"], &now); err != nil || !maps.Equal(now, oldValues) || string(members["Name"]) != `"Hall"` {
		p.t.Errorf("the thing is left as %s", members)
	}
}

func TestAProbeFindsOutAndPutsBack(t *testing.T) {
	for _, semantics := range []string{localcloud.Merge, localcloud.Replace} {
		t.Run(semantics, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probeBed(t, semantics, oldValues)
				got, err := p.probe(t.Context(), "lamp")
				if err != nil || got != semantics {
					t.Errorf("%q, %v", got, err)
				}
				p.unchanged()
				for _, part := range []string{`"floor"`, "(2 keys)", `--identifier 'lamp'`, `--meta-data '{"floor":"it'\''s 1","room":"hall","wing":"west"}'`} {
					if !strings.Contains(p.plan, part) {
						t.Errorf("no %s in the plan: %s", part, p.plan)
					}
				}
			})
		})
	}
}

func TestAProbeThatIsRefusedChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probeBed(t, localcloud.Replace, oldValues)
		p.refuse = true
		if _, err := p.probe(t.Context(), "lamp"); !errors.Is(err, doctor.ErrNotConfirmed) {
			t.Error(err)
		}
		if n := len(p.cloud.Things.Calls()); n > 0 {
			t.Errorf("%d updates", n)
		}
		p.unchanged()
	})
}

func TestAProbeNeedsAThingWithTwoKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, metaData := range []map[string]string{nil, {"room": "hall"}} {
			p := probeBed(t, localcloud.Merge, metaData)
			_, err := p.probe(t.Context(), "lamp")
			if err == nil || !strings.Contains(err.Error(), "aws iot-managed-integrations update-managed-thing") || len(p.cloud.Things.Calls()) > 0 {
				t.Errorf("%v, %d updates", err, len(p.cloud.Things.Calls()))
			}
		}
		p := probeBed(t, localcloud.Merge, oldValues)
		if _, err := p.probe(t.Context(), "nothing"); err == nil || !strings.Contains(err.Error(), "GetManagedThing: ResourceNotFoundException") {
			t.Error(err)
		}
	})
}

// Whatever goes wrong with one request, and wherever the person who runs it gives
// up, the thing ends as it was.
func TestAProbePutsBackWhateverHappens(t *testing.T) {
	faults := map[string]localcloud.Fault{
		"throttled":          {Status: 429, Code: "ThrottlingException"},
		"unavailable":        {Status: 503, Code: "ServiceUnavailableException"},
		"denied":             {Status: 403, Code: "AccessDeniedException"},
		"broken, applied":    {BreakAfter: true},
		"broken, not":        {BreakBefore: true},
		"broken, lands late": {ApplyLate: 8 * time.Second},
	}
	for _, semantics := range []string{localcloud.Merge, localcloud.Replace} {
		for name, fault := range faults {
			t.Run(semantics+"/update "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := probeBed(t, semantics, oldValues)
					p.cloud.Faults.OnCall = func(i localcloud.CallInfo) *localcloud.Fault {
						if i.N == 1 {
							return &fault
						}
						return nil
					}
					got, err := p.probe(t.Context(), "lamp")
					if name == "denied" && (err == nil || got != "") || name != "denied" && (err != nil || got != semantics) {
						t.Errorf("%q, %v", got, err)
					}
					time.Sleep(time.Minute) // what was late has landed
					p.unchanged()
				})
			})
		}
		for n := range 4 { // requests before the interruption
			t.Run(semantics+"/interrupted", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := probeBed(t, semantics, oldValues)
					ctx, cancel := context.WithCancelCause(t.Context())
					p.transport = &interrupted{p.cloud.Transport(), n, cancel}
					if _, err := p.probe(ctx, "lamp"); n < 2 && !errors.Is(err, errCtrlC) {
						t.Errorf("after %d requests: %v", n, err)
					}
					time.Sleep(time.Minute)
					p.unchanged()
				})
			})
		}
	}
}

var errCtrlC = errors.New("received SIGINT")

// interrupted is a network on which somebody gives up in the middle of a request.
type interrupted struct {
	next   http.RoundTripper
	left   int
	cancel context.CancelCauseFunc
}

func (i *interrupted) RoundTrip(r *http.Request) (*http.Response, error) {
	if i.left--; i.left == -1 {
		answer, err := i.next.RoundTrip(r) // it is done; the answer is lost
		if err == nil {
			answer.Body.Close()
		}
		i.cancel(errCtrlC)
		return nil, io.ErrUnexpectedEOF
	}
	return i.next.RoundTrip(r)
}

func TestAProbeThatCannotPutBackSaysWhatItLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probeBed(t, localcloud.Replace, oldValues)
		p.cloud.Faults.OnCall = func(i localcloud.CallInfo) *localcloud.Fault {
			if i.N > 1 {
				return &localcloud.Fault{Status: 403, Code: "AccessDeniedException"}
			}
			return nil
		}
		_, err := p.probe(t.Context(), "lamp")
		left, ok := errors.AsType[*doctor.LeftError](err)
		if !ok || !strings.Contains(err.Error(), left.Command) || !strings.Contains(left.Command, `"wing":"west"`) || !strings.Contains(p.plan, left.Command) {
			t.Errorf("%v", err)
		}
	})
}

// What is read right after an update may be what was there before it.
func TestAProbeIsNotDeceivedByAnOldAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probeBed(t, localcloud.Replace, oldValues)
		p.transport = &stale{next: p.cloud.Transport(), for_: 5 * time.Second}
		if got, err := p.probe(t.Context(), "lamp"); err != nil || got != localcloud.Replace {
			t.Errorf("%q, %v", got, err)
		}
		p.unchanged()
	})
}

// stale lands updates some time after they are answered.
type stale struct {
	next http.RoundTripper
	for_ time.Duration
}

func (s *stale) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPut {
		return s.next.RoundTrip(r)
	}
	later := r.Clone(context.WithoutCancel(r.Context()))
	time.AfterFunc(s.for_, func() {
		if answer, err := s.next.RoundTrip(later); err == nil {
			answer.Body.Close()
		}
	})
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}
