package localcloud

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// ExpiredSessionToken as X-Amz-Security-Token is a token that has run out;
// every other one is good.
const ExpiredSessionToken = "expired"

// maxSkew is how far a request's date may be from now, either way: 5 minutes
// (AWS Identity and Access Management, "Signature Version 4").
const maxSkew = 5 * time.Minute

// denial is a kind of refused credentials: the error's shape, which both services share,
// and the code that SQS's older query protocol has for it.
type denial struct{ shape, queryCode string }

var (
	allowed             = denial{}
	noToken             = denial{"MissingAuthenticationTokenException", "MissingAuthenticationToken"}
	incompleteSignature = denial{"IncompleteSignatureException", "IncompleteSignature"}
	unknownKey          = denial{"UnrecognizedClientException", "InvalidClientTokenId"}
	expiredToken        = denial{"ExpiredTokenException", "ExpiredToken"}
	badSignature        = denial{"InvalidSignatureException", "SignatureDoesNotMatch"}
)

// verifier checks AWS Signature Version 4 by signing a copy of the request and
// comparing.
type verifier struct {
	opts   Options
	signer *v4.Signer
}

func newVerifier(o Options) *verifier {
	return &verifier{opts: o, signer: v4.NewSigner(func(s *v4.SignerOptions) { s.DisableSessionToken = true })}
}

// check returns allowed, or why a request for the service is refused and a
// sentence about it that holds no secret.
func (v *verifier) check(r *http.Request, body []byte, service string) (denial, string) {
	if v.opts.AccessKey == AnySignature {
		return allowed, ""
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return noToken, "Missing Authentication Token"
	}
	auth, ok := parseAuthorization(header)
	signedAt, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if !ok || err != nil {
		return incompleteSignature, "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters, and 'X-Amz-Date'."
	}
	if auth.accessKey != v.opts.AccessKey {
		return unknownKey, "The security token included in the request is invalid."
	}
	if r.Header.Get("X-Amz-Security-Token") == ExpiredSessionToken {
		return expiredToken, "The security token included in the request is expired"
	}
	if now := time.Now().Add(v.opts.ClockAhead); now.Sub(signedAt) > maxSkew {
		return badSignature, "Signature expired: " + stamp(signedAt) + " is now earlier than " + stamp(now.Add(-maxSkew)) + " (" + stamp(now) + " - 5 min.)"
	} else if signedAt.Sub(now) > maxSkew {
		return badSignature, "Signature not yet current: " + stamp(signedAt) + " is still later than " + stamp(now.Add(maxSkew)) + " (" + stamp(now) + " + 5 min.)"
	}
	if auth.date != signedAt.Format("20060102") {
		return badSignature, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"
	}
	if auth.region != v.opts.Region {
		return badSignature, "Credential should be scoped to a valid region, not '" + auth.region + "'. Here it is '" + v.opts.Region + "'."
	}
	if auth.service != service {
		return badSignature, "Credential should be scoped to correct service: '" + service + "'."
	}
	want, err := v.sign(r, body, auth, signedAt)
	if err != nil || subtle.ConstantTimeCompare([]byte(want), []byte(auth.signature)) != 1 {
		return badSignature, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	}
	return allowed, ""
}

// sign returns the signature that the request should carry.
func (v *verifier) sign(r *http.Request, body []byte, auth authorization, at time.Time) (string, error) {
	url := *r.URL
	again := &http.Request{Method: r.Method, URL: &url, Host: r.Host, Header: http.Header{}}
	for _, name := range auth.signedHeaders {
		switch name {
		case "host":
		case "content-length": // the signer takes it from the request, not from the headers
			again.ContentLength = int64(len(body))
		default:
			if values := r.Header.Values(name); len(values) > 0 {
				again.Header[http.CanonicalHeaderKey(name)] = values
			}
		}
	}
	sum := sha256.Sum256(body)
	creds := aws.Credentials{AccessKeyID: auth.accessKey, SecretAccessKey: v.opts.SecretKey}
	err := v.signer.SignHTTP(context.Background(), creds, again, hex.EncodeToString(sum[:]), auth.service, auth.region, at)
	if err != nil {
		return "", err
	}
	signed, _ := parseAuthorization(again.Header.Get("Authorization"))
	return signed.signature, nil
}

type authorization struct {
	accessKey, date, region, service string
	signedHeaders                    []string
	signature                        string
}

func parseAuthorization(header string) (a authorization, ok bool) {
	rest, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !ok {
		return a, false
	}
	for part := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) != 5 || scope[4] != "aws4_request" {
				return a, false
			}
			a.accessKey, a.date, a.region, a.service = scope[0], scope[1], scope[2], scope[3]
		case "SignedHeaders":
			a.signedHeaders = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		}
	}
	return a, a.accessKey != "" && len(a.signedHeaders) > 0 && a.signature != ""
}

func stamp(t time.Time) string { return t.UTC().Format("20060102T150405Z") }
