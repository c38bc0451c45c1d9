package admin

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// open is what everyone may ask, by any name: probes, health checks and scrapers, which
// know the worker by a Service, an Ingress or a load balancer.
var open = map[string]bool{"/healthz": true, "/readyz": true, "/metrics": true}

// byKnownName answers 421 to a request whose Host is neither an IP address, localhost
// nor one of the names, except for what is open.
//
// A page of another site can give its own name the address of the worker (DNS
// rebinding). The browser then takes the worker for that site, and lets the page read
// what the worker answers. But its Host is the site's name.
func byKnownName(names []string, next http.Handler) http.Handler {
	known := map[string]bool{"localhost": true}
	for _, name := range names {
		known[sameName(name)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !open[r.URL.Path] && !known[sameName(hostOf(r))] && !isAddress(hostOf(r)) {
			text(w, http.StatusMisdirectedRequest, "without WORKER_ADMIN_TOKEN the worker answers only to localhost, its IP addresses, and the names in WORKER_ADMIN_HOSTS")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOf is a request's host without the port; an IPv6 address keeps its brackets if
// there is no port.
func hostOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return r.Host
}

// sameName makes one name of all that DNS takes for the same.
func sameName(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

func isAddress(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}
