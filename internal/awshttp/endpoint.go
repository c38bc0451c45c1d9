package awshttp

import (
	"fmt"
	"net/url"
)

// CheckEndpoint is an error if base, the endpoint that is set for a service, is no URL;
// nil if none is set. The SDK finds that out with each request, and it never passes.
func CheckEndpoint(service string, base *string) error {
	if base == nil {
		return nil
	}
	if u, err := url.Parse(*base); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		return nil
	}
	return fmt.Errorf("the endpoint %q of %s is no URL of the form https://host", *base, service)
}
