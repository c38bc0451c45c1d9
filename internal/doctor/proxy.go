package doctor

import (
	"slices"
	"strings"

	"managed-thing-updater/internal/awserror"
)

// proxies are the variables that send requests through a proxy, as net/http reads them.
var proxies = []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"}

// proxied are those that are set, without their values, which may hold a password.
func (f *facts) proxied() string {
	return strings.Join(slices.DeleteFunc(slices.Clone(proxies), func(name string) bool { return f.getenv(name) == "" }), " and ")
}

// throughProxy is what to add to the way out where no answer came and there is a proxy.
func (f *facts) throughProxy(cause awserror.Cause) string {
	set := f.proxied()
	if set == "" {
		return ""
	}
	switch cause.Kind {
	case awserror.NoAnswer, awserror.InBetween, awserror.NoCredentials, awserror.Trouble:
	default:
		return ""
	}
	return " " + set + " is set: requests go through a proxy, but for the addresses in NO_PROXY and those of credentials on this machine (169.254.0.0/16, fd00:ec2::/32). See that it lets AWS through, or name the hosts in NO_PROXY."
}
