package awshttp

import (
	"net/http"
	"net/netip"
	"net/url"

	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// metadata is the IPv6 network of AWS's endpoints on an instance: of credentials (EKS Pod
// Identity, fd00:ec2::23) and metadata (fd00:ec2::254). It is not link-local.
var metadata = netip.MustParsePrefix("fd00:ec2::/32")

// Base is the SDK's own client, made from its defaults, that asks no proxy for what is on
// this machine. Both loading the configuration and ForConfig begin with it.
func Base() *sdkhttp.BuildableClient {
	return sdkhttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.Proxy = proxy(t.Proxy) })
}

// proxy asks of for a request's proxy, except for an address that means this machine: the endpoints of credentials (169.254.170.2 on ECS, 169.254.170.23 on EKS) and
// of metadata (169.254.169.254). A proxy would answer with its own, or not at all, and
// would see the credentials. NO_PROXY need not name them.
func proxy(of func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		if ip, err := netip.ParseAddr(r.URL.Hostname()); err == nil && (ip.Unmap().IsLinkLocalUnicast() || metadata.Contains(ip.WithZone(""))) {
			return nil, nil
		}
		return of(r)
	}
}
