package awshttp

import (
	"fmt"
	"net/url"
)

// CheckEndpoint returns an error if base, the endpoint that is set for a service, is no
// URL. It may be nil. The SDK finds out only with a request, and then with each one.
func CheckEndpoint(service string, base *string) error {
	if base == nil {
		return nil
	}
	if u, err := url.Parse(*base); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		return nil
	}
	return fmt.Errorf("the endpoint %q of %s is no URL of the form https://host", *base, service)
}
