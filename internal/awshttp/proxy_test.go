package awshttp

import (
	"net/http"
	"net/url"
	"testing"
)

func TestWhatIsOnThisMachineIsAskedDirectly(t *testing.T) {
	through := &url.URL{Scheme: "http", Host: "proxy.example:3128"}
	of := proxy(func(*http.Request) (*url.URL, error) { return through, nil })
	for to, direct := range map[string]bool{
		"http://169.254.170.2/v2/credentials/x":  true,
		"http://169.254.170.23/v1/credentials":   true,
		"http://169.254.169.254/latest/meta":     true,
		"http://169.254.169.254:8080/latest":     true,
		"http://[fd00:ec2::23]/v1/credentials":   true,
		"http://[fd00:ec2::254]/latest/meta":     true,
		"http://[fe80::1%25eth0]/":               true,
		"http://[::ffff:169.254.170.2]/":         true,
		"https://sqs.eu-west-1.amazonaws.com/":   false,
		"http://169.254.example.com/":            false,
		"http://10.0.0.1/":                       false,
		"http://[fd00:ec3::23]/":                 false,
		"https://sts.eu-west-1.amazonaws.com/":   false,
		"http://metadata.google.internal/latest": false,
	} {
		r, err := http.NewRequest(http.MethodGet, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := of(r); err != nil || (got == nil) != direct {
			t.Errorf("%s: through %v (%v), want directly %v", to, got, err, direct)
		}
	}
}
