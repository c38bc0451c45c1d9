package doctor

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/managedthings"
)

// apiRegions are those in which AWS documents the API. The list may have grown: it
// explains a failure, and makes none.
var apiRegions = []string{"ca-central-1", "eu-west-1", "me-central-1"}

// apiFacts are what was seen of UpdateManagedThing.
type apiFacts struct {
	endpoint string
	setup    error // why there is no endpoint to call
	called   bool
	err      error // of the call
}

// lookAtAPI makes one call that can change nothing: it sets no member, of a thing
// that cannot be there. It counts for the quota of account and Region.
func lookAtAPI(ctx context.Context, cfg aws.Config, http aws.HTTPClient, call bool, timeout time.Duration) apiFacts {
	client, err := managedthings.New(cfg, managedthings.Options{HTTP: http})
	if err != nil {
		return apiFacts{setup: err}
	}
	facts := apiFacts{endpoint: client.Endpoint(), called: call}
	if call {
		ctx, cancel := context.WithTimeout(ctx, min(timeout, askTimeout))
		defer cancel()
		facts.err = callNothing(ctx, client)
		if api, ok := errors.AsType[*managedthings.APIError](facts.err); ok && awserror.RefusesCredentials(api.Code) && client.ClockAhead().Abs() > awserror.ClockLimit {
			facts.err = callNothing(ctx, client) // by the API's clock, which the client has learned
		}
	}
	return facts
}

// callNothing updates a thing that cannot be there.
func callNothing(ctx context.Context, client *managedthings.Client) error {
	_, err := client.UpdateManagedThing(ctx, managedthings.Input{Identifier: "worker-doctor-" + strings.ToLower(rand.Text())})
	return err
}

func apiEndpoint(f *facts) []Finding {
	if f.api.setup == nil {
		if u, err := url.Parse(f.api.endpoint); err == nil && u.Scheme == "http" && !isLocal(u.Hostname()) {
			return warning("The endpoint "+f.api.endpoint+" of UpdateManagedThing is plain HTTP.",
				"Values of things, serial numbers among them, can be read on the way.", "Give AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS as https://…")
		}
		return nil
	}
	what, fix, _ := strings.Cut(f.api.setup.Error(), ": ")
	return wrong(sentence(what), "Without an endpoint no call can be made, and the worker does not start.", sentence(fix))
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// unknownRegion explains a failure in a Region in which the API is not known to be.
func (f *facts) unknownRegion() string {
	if slices.Contains(apiRegions, f.region) {
		return ""
	}
	return fmt.Sprintf(" The API is documented for %s, not for %s: set AWS_REGION to the Region in which the things are registered, or an endpoint by AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS.",
		strings.Join(apiRegions, ", "), f.region)
}

func apiReachable(f *facts) []Finding {
	const why = "Without it nothing is applied: the worker's circuit stays open, and messages wait in the queue."
	if transport, ok := errors.AsType[*managedthings.TransportError](f.api.err); ok {
		what, fix := unreachable(transport)
		return wrong(fmt.Sprintf("%s cannot be reached: %s.", f.api.endpoint, what), why, fix+f.unknownRegion())
	}
	api, ok := errors.AsType[*managedthings.APIError](f.api.err)
	switch {
	case !ok || api.Modelled && api.Status < http.StatusInternalServerError || awserror.RefusesCredentials(api.Code) || api.Status == http.StatusTooManyRequests:
		return nil
	case api.Status >= http.StatusInternalServerError:
		return warning(fmt.Sprintf("The API is in trouble just now: %v.", api), "While it is, messages wait; nothing is dead-lettered for it.",
			"Wait, and look at the AWS Health Dashboard; if it stays so, check the endpoint "+f.api.endpoint+"."+f.unknownRegion())
	}
	if api.NotTheAPI() {
		return wrong(fmt.Sprintf("What answers at %s is not the API: %v.", f.api.endpoint, api), why, sentence(managedthings.InBetween)+f.unknownRegion())
	}
	return wrong(fmt.Sprintf("What answers at %s is not the API: %v.", f.api.endpoint, api), why,
		"Correct AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS or AWS_ENDPOINT_URL, or unset them; if a proxy answers (HTTPS_PROXY), let this host through it."+f.unknownRegion())
}

// unreachable says in words what kept an answer from coming, and what to do.
func unreachable(e *managedthings.TransportError) (what, fix string) {
	const net443 = "Let the worker's subnet and security group reach the host on its port (443, outgoing): by a NAT gateway, or a VPC endpoint."
	if name, ok := errors.AsType[*net.DNSError](e.Err); ok {
		return fmt.Sprintf("there is no address for %s (%s)", name.Name, name.Err), "Check AWS_REGION and the DNS of the machine or VPC."
	}
	certificate, untrusted := errors.AsType[*tls.CertificateVerificationError](e.Err)
	if _, broken := errors.AsType[tls.RecordHeaderError](e.Err); untrusted || broken {
		what := "what answers does not speak TLS"
		if untrusted {
			what = "its certificate is not trusted (" + certificate.Err.Error() + ")"
		}
		return what, "Give the certificate authority of your proxy in AWS_CA_BUNDLE, correct the endpoint, or let the host past the proxy (NO_PROXY)."
	}
	if e.Timeout {
		return "no answer in time", net443
	}
	return e.Err.Error(), net443
}

func apiPermission(f *facts) []Finding {
	switch api, ok := errors.AsType[*managedthings.APIError](f.api.err); {
	case !f.api.called || !ok:
		return nil
	case api.Code == "AccessDeniedException" || api.Code == "UnauthorizedException":
		arn := fmt.Sprintf("arn:aws:iotmanagedintegrations:%s:*:managed-thing/*", f.region)
		return wrong(fmt.Sprintf("The worker may not call UpdateManagedThing (%s).", api.Code),
			"No update can be applied. If the role is meant to reach only some things, by name or by tag, this says nothing of those: a thing that does not exist was asked for.",
			"Add to the policy of the worker's role: "+statement(arn, "iotmanagedintegrations:UpdateManagedThing"))
	case api.Status == http.StatusTooManyRequests:
		return note("The API throttles just now, so whether UpdateManagedThing is allowed cannot be told.",
			"Others use up the quota of account and Region.", "Run worker doctor again.")
	}
	return nil
}

// sentence writes text as one.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	if word, _, _ := strings.Cut(text, " "); strings.Contains(word, "://") { // an address stays as it is
		return strings.TrimSuffix(text, ".") + "."
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
