package doctor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"managed-thing-updater/internal/doctor"
	"managed-thing-updater/internal/localcloud"
)

// planted is one thing wrong in a bed.
type planted struct {
	name     string
	check    string // that finds it
	severity doctor.Severity
	says     string // in what, why or fix
	plant    func(*bed)
	// alone is set for a fault that hides others, or that cannot be together with
	// another of its check.
	alone bool
}

type fipsSource struct{}

func (fipsSource) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return aws.FIPSEndpointStateEnabled, true, nil
}

func setting(name, value string) func(*bed) { return func(b *bed) { b.settings[name] = value } }
func attribute(of func(*bed) string, name, value string) func(*bed) {
	return func(b *bed) { b.set(of(b), name, value) }
}
func source(b *bed) string { return b.source }
func dead(b *bed) string   { return b.dead }

var faults = []planted{
	{"no credentials", "credentials", doctor.Wrong, "no role attached", func(b *bed) { b.noCredentials = errors.New("no role attached") }, true},
	{"a role that may not be assumed", "credentials", doctor.Wrong, "trust policy", func(b *bed) {
		b.noCredentials = &smithy.OperationError{ServiceID: "STS", OperationName: "AssumeRoleWithWebIdentity", Err: &smithy.GenericAPIError{Code: "AccessDenied"}}
	}, true},
	{"no credentials, and a proxy", "credentials", doctor.Wrong, "HTTP_PROXY is set", func(b *bed) {
		b.noCredentials, b.env["HTTP_PROXY"] = errors.New("bad gateway"), "http://user:pass-word@proxy.example:3128"
	}, true},
	{"no credentials provider", "credentials", doctor.Wrong, "AWS_PROFILE", func(b *bed) { b.aws.Credentials = nil }, true},
	{"credentials that SQS refuses", "credentials", doctor.Wrong, "ExpiredToken", func(b *bed) { b.credentials.SessionToken = localcloud.ExpiredSessionToken }, true},
	{"an unknown key", "credentials", doctor.Wrong, "InvalidClientTokenId", func(b *bed) { b.credentials.AccessKeyID = "AKIDOTHER" }, true},
	{"a session's credentials", "credentials-expire", doctor.Warning, "AWS_SESSION_TOKEN", func(b *bed) {
		b.credentials.SessionToken, b.credentials.Source = "session", "EnvConfigCredentials"
	}, false},
	{"no Region", "region", doctor.Wrong, "AWS_REGION", func(b *bed) { b.aws.Region = "" }, true},
	{"a queue in another Region", "region", doctor.Wrong, "AWS_REGION=us-east-1", setting("WORKER_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/other"), true},
	{"a clock that is behind", "clock", doctor.Wrong, "3m0s behind", func(b *bed) { b.transport = shifted{b.transport, 3 * time.Minute} }, false},
	{"a clock that is ahead", "clock", doctor.Wrong, "ahead of AWS's", func(b *bed) { b.transport = shifted{b.transport, -2 * time.Minute} }, true},

	{"no source queue", "source-queue", doctor.Wrong, "no queue", setting("WORKER_QUEUE_URL", endpoint+"/000000000000/not-there"), true},
	{"no queue's URL", "source-queue", doctor.Wrong, "InvalidAddress", func(b *bed) { b.refuse["GetQueueAttributes updates"] = "InvalidAddress" }, true},
	{"SQS cannot be reached", "source-queue", doctor.Wrong, "connection refused", func(b *bed) { b.transport = broken{next: b.transport, sqs: errRefused} }, true},
	{"no dead-letter queue", "dead-letter-queue", doctor.Wrong, "no redrive policy", attribute(source, "RedrivePolicy", ""), true},
	{"a dead-letter queue that is not there", "dead-letter-queue", doctor.Wrong, "WORKER_DLQ_URL", setting("WORKER_DLQ_URL", endpoint+"/000000000000/not-there"), true},
	{"a redrive target that is gone", "dead-letter-queue", doctor.Wrong, "does not exist", func(b *bed) { b.remove(b.dead) }, true},
	{"a redrive target that may not be looked up", "dead-letter-queue", doctor.Wrong, "sqs:GetQueueUrl", func(b *bed) { b.deny("GetQueueUrl", "updates-dlq") }, true},
	{"a dead-letter queue that is the source queue", "dead-letter-queue", doctor.Wrong, "itself", func(b *bed) { b.redrive(b.source, 1000) }, true},
	{"the source queue may not be looked at", "permission-look", doctor.Wrong, "sqs:GetQueueAttributes", func(b *bed) { b.deny("GetQueueAttributes", "updates") }, true},
	{"the source queue may not be looked at, and WORKER_DLQ_URL is set", "permission-look", doctor.Warning, "sqs:GetQueueAttributes", func(b *bed) {
		b.deny("GetQueueAttributes", "updates")
		b.settings["WORKER_DLQ_URL"] = b.dead
	}, true},
	{"the dead-letter queue may not be looked at", "permission-look", doctor.Warning, arn("/updates-dlq"), func(b *bed) { b.deny("GetQueueAttributes", "updates-dlq") }, true},
	{"may not receive", "permission-receive", doctor.Wrong, arn("/updates"), func(b *bed) { b.deny("ReceiveMessage", "updates") }, false},
	{"may not delete", "permission-delete", doctor.Wrong, arn("/updates"), func(b *bed) { b.deny("DeleteMessage", "updates") }, false},
	{"may not renew leases", "permission-visibility", doctor.Wrong, arn("/updates"), func(b *bed) { b.deny("ChangeMessageVisibility", "updates") }, false},
	{"may not write letters", "permission-send", doctor.Wrong, arn("/updates-dlq"), func(b *bed) { b.deny("SendMessage", "updates-dlq") }, false},
	{"not encrypted", "encryption", doctor.Warning, "SqsManagedSseEnabled", attribute(source, "SqsManagedSseEnabled", "false"), false},
	{"a key that may not be used", "encryption-key", doctor.Wrong, "kms:Decrypt", func(b *bed) {
		b.set(b.source, "KmsMasterKeyId", "alias/things")
		b.refuse["ReceiveMessage updates"] = "KMS.AccessDeniedException"
	}, true},
	{"a key that is switched off", "encryption-key", doctor.Wrong, "Enable the queue's key", func(b *bed) {
		b.set(b.source, "KmsMasterKeyId", "alias/things")
		b.refuse["DeleteMessage updates"] = "KMS.DisabledException"
	}, true},
	{"a queue that is open to all", "queue-policy", doctor.Wrong, "everybody", attribute(dead, "Policy",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sqs:*","Resource":"*"}]}`), false},
	{"letters kept for too short", "dlq-retention", doctor.Warning, "keeps letters for 1m", attribute(dead, "MessageRetentionPeriod", "60"), false},
	{"letters kept no longer than messages", "dlq-retention", doctor.Warning, "4d", attribute(dead, "MessageRetentionPeriod", "345600"), true},
	{"letters that do not fit", "dlq-message-size", doctor.Warning, "256KiB", attribute(dead, "MaximumMessageSize", "262144"), false},
	{"a dead-letter queue that passes letters on", "dlq-redrive", doctor.Warning, "a redrive policy of its own", func(b *bed) {
		third := b.cloud.SQS.CreateQueue("third", localcloud.QueueOptions{})
		b.set(b.dead, "RedrivePolicy", `{"deadLetterTargetArn":"`+arn(third)+`","maxReceiveCount":"3"}`)
	}, true},
	{"a dead-letter queue that passes letters back", "dlq-redrive", doctor.Wrong, "come again", func(b *bed) {
		b.set(b.dead, "RedrivePolicy", `{"deadLetterTargetArn":"`+arn(b.source)+`","maxReceiveCount":"3"}`)
	}, false},
	{"two dead-letter queues", "redrive-target", doctor.Warning, "two places", func(b *bed) {
		third := b.cloud.SQS.CreateQueue("sqs-moves-here", localcloud.QueueOptions{})
		b.settings["WORKER_DLQ_URL"] = b.dead
		b.redrive(third, 1000)
	}, true},
	{"SQS moves messages first", "redrive-count", doctor.Wrong, "After 5 receives", func(b *bed) { b.redrive(b.dead, 5) }, false},
	{"SQS moves messages that are given back", "redrive-count", doctor.Warning, "After 500 receives", func(b *bed) { b.redrive(b.dead, 500) }, true},
	{"SQS moves messages at the same time", "redrive-count", doctor.Wrong, "WORKER_MAX_RECEIVES=100", setting("WORKER_MAX_RECEIVES", "1000"), true},
	{"a dead-letter queue that allows no source", "redrive-allow", doctor.Warning, "denyAll", attribute(dead, "RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`), true},
	{"a dead-letter queue for others", "redrive-allow", doctor.Warning, "byQueue", attribute(dead, "RedriveAllowPolicy", `{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:eu-west-1:000000000000:others"]}`), false},
	{"more messages than can be applied in time", "backlog", doctor.Warning, "10 messages wait", func(b *bed) {
		b.settings["WORKER_RATE_START"] = "0.1"
		b.set(b.source, "MessageRetentionPeriod", "60")
		for range 10 {
			b.cloud.SQS.Send(b.source, localcloud.Message{Body: "{}"})
		}
	}, false},

	{"a custom endpoint with FIPS", "api-endpoint", doctor.Wrong, "AWS_USE_FIPS_ENDPOINT", func(b *bed) {
		b.aws.BaseEndpoint, b.aws.ConfigSources = nil, []any{fipsSource{}, endpoints{"IoT Managed Integrations": endpoint}}
	}, true},
	{"an endpoint that is none", "api-endpoint", doctor.Wrong, "https://host", func(b *bed) {
		b.aws.ConfigSources = []any{endpoints{"IoT Managed Integrations": "api.example.com"}}
	}, true},
	{"no address for the API", "api-reachable", doctor.Wrong, "not for us-west-2", func(b *bed) {
		b.aws.Region = "us-west-2"
		b.cloud = localcloud.New(localcloud.Options{BaseURL: endpoint, Region: "us-west-2"})
		b.dead = b.cloud.SQS.CreateQueue("updates-dlq", localcloud.QueueOptions{Retention: 14 * 24 * time.Hour})
		b.source = b.cloud.SQS.CreateQueue("updates", localcloud.QueueOptions{DLQ: b.dead})
		b.transport = broken{next: b.cloud.Transport(), api: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "api.iotmanagedintegrations.us-west-2.api.aws", IsNotFound: true}}}
	}, true},
	{"the API cannot be reached", "api-reachable", doctor.Wrong, "NAT gateway", func(b *bed) { b.transport = broken{next: b.transport, api: errRefused} }, true},
	{"a certificate that is not trusted", "api-reachable", doctor.Wrong, "AWS_CA_BUNDLE", func(b *bed) {
		b.transport = broken{next: b.transport, api: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}
	}, true},
	{"the API does not answer", "api-reachable", doctor.Wrong, "no answer in time", func(b *bed) { b.denyAPI = &localcloud.Fault{Delay: time.Hour} }, true},
	{"an emulator answers", "api-reachable", doctor.Wrong, "an emulator", func(b *bed) {
		b.denyAPI = &localcloud.Fault{Status: 200, Body: "{}", ContentType: "application/json"}
	}, true},
	{"a login page answers", "api-reachable", doctor.Wrong, "Something in between answers", func(b *bed) {
		b.denyAPI = &localcloud.Fault{Status: 302, Header: http.Header{"Location": {"https://login.example.com/"}}}
	}, true},
	{"something else answers", "api-reachable", doctor.Wrong, "is not the API", func(b *bed) {
		b.denyAPI = &localcloud.Fault{Status: 200, Body: "<html>Please log in", ContentType: "text/html"}
	}, true},
	{"the API is in trouble", "api-reachable", doctor.Warning, "in trouble", func(b *bed) { b.denyAPI = &localcloud.Fault{Status: 503, Code: "ServiceUnavailableException"} }, true},
	{"may not call the API", "api-permission", doctor.Wrong, "iotmanagedintegrations:UpdateManagedThing", func(b *bed) {
		b.denyAPI = &localcloud.Fault{Status: http.StatusForbidden, Code: "AccessDeniedException"}
	}, false},

	{"a short lease", "visibility", doctor.Warning, "WORKER_VISIBILITY_TIMEOUT=2m", setting("WORKER_VISIBILITY_TIMEOUT", "5s"), false},
	{"a lease shorter than a call and its backoff", "visibility", doctor.Warning, "2m", func(b *bed) {
		b.settings["WORKER_VISIBILITY_TIMEOUT"], b.settings["WORKER_RETRY_MAX"] = "1m", "1m"
	}, true},
	{"a long lease", "visibility", doctor.Warning, "stay hidden", setting("WORKER_VISIBILITY_TIMEOUT", "1h"), true},
	{"messages held for too long", "hold-time", doctor.Warning, "WORKER_MAX_HELD", func(b *bed) {
		b.settings["WORKER_RATE_MAX"], b.settings["WORKER_RATE_START"] = "0.1", "0.1"
	}, false},
	{"short polls", "wait-time", doctor.Warning, "WORKER_WAIT_TIME=20s", setting("WORKER_WAIT_TIME", "0"), true},
	{"an impatient client", "header-timeout", doctor.Wrong, "WORKER_WAIT_TIME=5s", func(b *bed) { b.headerTimeout = 10 * time.Second }, false},
	{"calls longer than the stop", "shutdown", doctor.Warning, "WORKER_SHUTDOWN_TIMEOUT=45s", setting("WORKER_CALL_TIMEOUT", "30s"), false},
	{"killed too soon on ECS", "grace", doctor.Warning, "stopTimeout", func(b *bed) {
		b.env["ECS_CONTAINER_METADATA_URI_V4"] = "http://169.254.170.2/v4/1"
		b.settings["WORKER_SHUTDOWN_TIMEOUT"] = "40s"
	}, true},
	{"more than Fargate allows", "grace", doctor.Wrong, "120s at most", func(b *bed) {
		b.env["ECS_CONTAINER_METADATA_URI_V4"], b.env["AWS_EXECUTION_ENV"] = "http://169.254.170.2/v4/1", "AWS_ECS_FARGATE"
		b.settings["WORKER_SHUTDOWN_TIMEOUT"] = "3m"
	}, true},
	{"killed too soon on Kubernetes", "grace", doctor.Warning, "terminationGracePeriodSeconds", func(b *bed) {
		b.env["KUBERNETES_SERVICE_HOST"] = "10.0.0.1"
		b.settings["WORKER_SHUTDOWN_TIMEOUT"] = "30s"
	}, true},
	{"killed too soon, as told", "grace", doctor.Wrong, "SECONDS=30", func(b *bed) { b.env[doctor.GraceVariable] = "20" }, false},
	{"told nonsense", "grace", doctor.Warning, "whole number", func(b *bed) { b.env[doctor.GraceVariable] = "30s" }, true},
	{"keys forgotten too soon", "state-keys", doctor.Warning, "WORKER_DEDUP_TTL=24h", setting("WORKER_DEDUP_TTL", "5m"), false},
}

// endpoints are the services' own endpoints, as the SDK's settings give them.
type endpoints map[string]string

func (e endpoints) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	url, ok := e[service]
	return url, ok, nil
}

func TestASoundSetUp(t *testing.T) {
	for name, change := range map[string]func(*bed){
		"at the defaults":       func(*bed) {},
		"WORKER_DLQ_URL is set": func(b *bed) { b.settings["WORKER_DLQ_URL"] = b.dead },
		"FIFO": func(b *bed) {
			b.dead = b.cloud.SQS.CreateQueue("f-dlq", localcloud.QueueOptions{FIFO: true, Retention: 14 * 24 * time.Hour})
			b.source = b.cloud.SQS.CreateQueue("f", localcloud.QueueOptions{FIFO: true, DLQ: b.dead})
			b.settings["WORKER_QUEUE_URL"] = b.source
		},
		"both queues keep for 14 days": attribute(source, "MessageRetentionPeriod", "1209600"),
		"a narrow queue policy": attribute(source, "Policy",
			`{"Statement":{"Effect":"Allow","Principal":"*","Action":["sqs:SendMessage"],"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:sns:::t"}}}}`),
		"a redrive-allow policy": func(b *bed) {
			b.set(b.dead, "RedriveAllowPolicy", `{"redrivePermission":"byQueue","sourceQueueArns":["`+arn(b.source)+`"]}`)
		},
		"a key of one's own": attribute(source, "KmsMasterKeyId", "alias/things"),
		"on Kubernetes":      func(b *bed) { b.env["KUBERNETES_SERVICE_HOST"] = "10.0.0.1" },
		"on ECS, told the grace": func(b *bed) {
			b.env["ECS_CONTAINER_METADATA_URI_V4"], b.env[doctor.GraceVariable] = "http://169.254.170.2/v4/1", "60"
			b.settings["WORKER_SHUTDOWN_TIMEOUT"] = "50s"
		},
		"the API knows no such thing":    func(b *bed) { b.cloud.Things.AutoCreate = false },
		"the API throttles":              func(b *bed) { b.denyAPI = &localcloud.Fault{Status: 429, Code: "ThrottlingException"} },
		"the API wants a member":         func(b *bed) { b.denyAPI = &localcloud.Fault{Status: 400, Code: "ValidationException"} },
		"a clock that is a little wrong": func(b *bed) { b.transport = shifted{b.transport, 50 * time.Second} },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bed) {
				change(b)
				if r := b.examine(); len(r.Problems()) > 0 {
					t.Errorf("found:\n%s", show(r))
				}
			})
		})
	}
}

func TestEachFaultAlone(t *testing.T) {
	for _, p := range faults {
		t.Run(p.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bed) {
				p.plant(b)
				r := b.examine()
				if want := map[string]doctor.Severity{p.check: p.severity}; !maps.Equal(found(r), want) {
					t.Fatalf("found %v, want %v:\n%s", found(r), want, show(r))
				}
				if !strings.Contains(show(r), p.says) {
					t.Errorf("no %q in:\n%s", p.says, show(r))
				}
				for _, f := range r.Findings {
					if f.What == "" || f.Why == "" || f.Fix == "" {
						t.Errorf("incomplete: %+v", f)
					}
				}
			})
		})
	}
	if checks := namesOf(faults); len(checks) < 15 {
		t.Errorf("only %d kinds of faults are planted", len(checks))
	}
}

// A clock so wrong that signatures are refused is one finding: the client goes by AWS's
// clock once it was refused.
func TestAClockThatIsFarOffIsTheOnlyFinding(t *testing.T) {
	for _, ahead := range []time.Duration{10 * time.Minute, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			r := bedIn(t, localcloud.Options{BaseURL: endpoint, ClockAhead: ahead}).examine()
			if want := map[string]doctor.Severity{"clock": doctor.Wrong}; !maps.Equal(found(r), want) {
				t.Errorf("ahead by %v: found %v, want %v:\n%s", ahead, found(r), want, show(r))
			}
		})
	}
}

func TestTheDoctorShowsNoProxysPassword(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bed) {
		b.env["HTTPS_PROXY"], b.noCredentials = "http://user:pass-word@proxy.example:3128", errors.New("none")
		if text := show(b.examine()); strings.Contains(text, "pass-word") || !strings.Contains(text, "HTTPS_PROXY") {
			t.Error(text)
		}
	})
}

func namesOf(all []planted) []string {
	var names []string
	for _, p := range all {
		names = append(names, p.check)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestManyFaultsTogether(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bed) {
		want := map[string]doctor.Severity{}
		for _, p := range faults {
			if !p.alone {
				p.plant(b)
				want[p.check] = p.severity
			}
		}
		r := b.examine()
		if !maps.Equal(found(r), want) {
			t.Errorf("found %v\nwant  %v\n%s", names(found(r)), names(want), show(r))
		}
		if len(want) < 20 {
			t.Errorf("only %d faults together", len(want))
		}
	})
}

var (
	setCommand = regexp.MustCompile(`aws sqs set-queue-attributes --region (\S+) --queue-url (\S+) --attributes '([^']*)'`)
	setSetting = regexp.MustCompile(`(WORKER_[A-Z_]+)=([0-9a-z]+)`)
	setGrace   = regexp.MustCompile(doctor.GraceVariable + `=([0-9]+)`)
)

// A fix that is a command or a setting is carried out as it stands: then the fault
// is gone.
func TestTheFixFixesIt(t *testing.T) {
	tried := 0
	for _, p := range faults {
		t.Run(p.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bed) {
				p.plant(b)
				r := b.examine()
				carriedOut := false
				for _, f := range r.Problems() {
					for _, m := range setSetting.FindAllStringSubmatch(f.Fix, -1) {
						b.settings[m[1]] = m[2]
						carriedOut = true
					}
					if m := setGrace.FindStringSubmatch(f.Fix); m != nil {
						b.env[doctor.GraceVariable] = m[1]
						carriedOut = true
					}
					if m := setCommand.FindStringSubmatch(f.Fix); m != nil {
						b.carryOut(m[1], m[2], m[3])
						carriedOut = true
					}
				}
				if !carriedOut {
					return
				}
				tried++
				if _, still := found(b.examine())[p.check]; still {
					t.Errorf("still there after:\n%s", show(r))
				}
			})
		})
	}
	if tried < 15 {
		t.Errorf("only %d fixes could be carried out", tried)
	}
}

// carryOut does what the command of a fix does.
func (b *bed) carryOut(region, queue, attributes string) {
	b.t.Helper()
	if region != b.aws.Region {
		b.t.Errorf("the command is for %s", region)
	}
	for name, value := range decode(b.t, attributes) {
		b.set(queue, name, value)
	}
}

// Looking changes nothing: not a message, not a receive, not a thing.
func TestLookingChangesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bed) {
		for n := range 20 {
			b.cloud.SQS.Send(b.source, localcloud.Message{Body: fmt.Sprintf(`{"Identifier":"t%d"}`, n)})
		}
		b.examine()
		for _, m := range b.cloud.SQS.Messages(b.source) {
			if m.Receives > 0 || m.InFlight {
				t.Errorf("a message was received: %+v", m)
			}
		}
		if n := b.cloud.SQS.Len(b.source); n != 20 {
			t.Errorf("%d messages are left of 20", n)
		}
		if n := b.cloud.SQS.Len(b.dead); n != 0 {
			t.Errorf("%d letters were written", n)
		}
		for _, id := range b.cloud.Things.IDs() {
			if members, _ := b.cloud.Things.Get(id); len(members) > 0 {
				t.Errorf("thing %s was changed: %v", id, members)
			}
		}
		if n := len(b.cloud.Things.Calls()); n != 1 {
			t.Errorf("%d calls of the API, want 1", n)
		}
	})
}

// Beside a running worker nothing is asked that its first requests tell anyway.
func TestBesideARunningWorker(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bed) {
		b.deny("ReceiveMessage", "updates")
		b.deny("DeleteMessage", "updates")
		b.denyAPI = &localcloud.Fault{Status: http.StatusForbidden, Code: "AccessDeniedException"}
		o := b.options()
		o.Running = true
		r := doctor.Examine(t.Context(), o)
		if want := map[string]doctor.Severity{"permission-delete": doctor.Wrong}; !maps.Equal(found(r), want) {
			t.Errorf("found %v:\n%s", found(r), show(r))
		}
		if n := len(b.cloud.Things.Calls()); n != 0 {
			t.Errorf("%d calls of the API", n)
		}
	})
}
