// Package doctor finds what is wrong with the worker's set-up: settings, queues,
// permissions, clock, the API's endpoint, the platform. It changes nothing; what
// it asks of AWS cannot have an effect, whoever may do what.
//
// It looks first, all at once (facts.go and what it calls), and judges then: each
// check is a value with a name and a function of the facts. One cause gives one
// finding: what cannot be known because of another finding is left out.
package doctor

import (
	"context"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"managed-thing-updater/internal/config"
)

// Options of Examine.
type Options struct {
	Config config.Config
	AWS    aws.Config
	// HTTP sends the requests, as the worker's own client would.
	HTTP aws.HTTPClient
	// HeaderTimeout is how long that client waits for an answer's first byte; 0 is
	// as long as it takes.
	HeaderTimeout time.Duration
	// Running says that a worker does its work beside. What its first requests tell
	// anyway is then left out: whether it may receive, and the one call of the API,
	// which counts for its quota.
	Running bool
	// State asks a shared state store how it is. Nil: there is none.
	State func(context.Context) StateReport
	// Getenv reads the variables by which platforms make themselves known. Nil: os.Getenv.
	Getenv func(string) string
}

// StateReport is what a shared state store says of itself.
type StateReport struct {
	Warnings   []string // each with its way out
	Fault, Fix string   // what makes it unusable, if anything
}

// patience bounds an examination as a whole.
const patience = 45 * time.Second

// A check looks at one thing that can be wrong. Its findings come without the
// check's name.
type check struct {
	name string
	look func(*facts) []Finding
}

// Examine looks at everything once. It returns what it has by then where ctx ends
// early.
func Examine(ctx context.Context, o Options) Report {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f := gather(ctx, o)
	report := Report{Region: f.region, Queue: f.source.url, DeadLetterQueue: f.dead.url, Findings: []Finding{}}
	for _, c := range checks() {
		report.Checks = append(report.Checks, c.name)
		for _, finding := range c.look(f) {
			finding.Check = c.name
			report.Findings = append(report.Findings, finding)
		}
	}
	report.sort()
	return report
}

// checks are all there are, in the order in which a person looks for the cause.
func checks() []check {
	return []check{
		{"credentials", credentials},
		{"credentials-expire", credentialsExpire},
		{"region", region},
		{"clock", clock},

		{"source-queue", sourceQueue},
		{"dead-letter-queue", deadLetterQueue},
		{"permission-look", permissionLook},
		{"permission-receive", permission(receiveMessage)},
		{"permission-delete", permission(deleteMessage)},
		{"permission-visibility", permission(changeVisibility)},
		{"permission-send", permission(sendMessage)},
		{"encryption", encryption},
		{"encryption-key", encryptionKey},
		{"queue-policy", queuePolicy},
		{"dlq-retention", dlqRetention},
		{"dlq-message-size", dlqMessageSize},
		{"dlq-redrive", dlqRedrive},
		{"redrive-target", redriveTarget},
		{"redrive-count", redriveCount},
		{"redrive-allow", redriveAllow},
		{"backlog", backlog},

		{"api-endpoint", apiEndpoint},
		{"api-reachable", apiReachable},
		{"api-permission", apiPermission},

		{"visibility", visibility},
		{"hold-time", holdTime},
		{"wait-time", waitTime},
		{"header-timeout", headerTimeout},
		{"shutdown", shutdown},
		{"grace", stopTime},
		{"state", state},
		{"state-versions", stateVersions},
		{"state-keys", stateKeys},
		{"member-semantics", memberSemantics},
	}
}
