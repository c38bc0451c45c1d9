package updater

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/telemetry"
)

func answer(status int, code string) error {
	return fmt.Errorf("wrapped: %w", &managedthings.APIError{Status: status, Code: code, Modelled: code != ""})
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		name    string
		err     error
		fault   fault
		result  telemetry.CallResult
		unknown bool
	}{
		{"204", nil, noFault, telemetry.CallOK, false},
		{"throttled", answer(429, "ThrottlingException"), quota, telemetry.CallThrottled, false},
		{"429 in HTML", answer(429, ""), quota, telemetry.CallThrottled, false},
		{"a throttling code with 400", answer(400, "ThrottlingException"), quota, telemetry.CallThrottled, false},
		{"another throttling code", answer(400, "TooManyRequestsException"), quota, telemetry.CallThrottled, false},
		{"values refused", answer(400, "ValidationException"), values, telemetry.CallRejected, false},
		{"400 without a code", answer(400, ""), trouble, telemetry.CallOther, false},
		{"no such thing", answer(404, "ResourceNotFoundException"), missing, telemetry.CallNotFound, false},
		{"404 in HTML", answer(404, ""), trouble, telemetry.CallOther, false},
		{"denied", answer(403, "AccessDeniedException"), denied, telemetry.CallDenied, false},
		{"unauthorized", answer(401, "UnauthorizedException"), denied, telemetry.CallDenied, false},
		{"expired token", answer(403, "ExpiredTokenException"), caller, telemetry.CallCaller, false},
		{"unknown key", answer(403, "UnrecognizedClientException"), caller, telemetry.CallCaller, false},
		{"bad signature", answer(403, "InvalidSignatureException"), caller, telemetry.CallCaller, false},
		{"clock", answer(403, "RequestTimeTooSkewed"), caller, telemetry.CallCaller, false},
		{"an access key that is gone", answer(403, "InvalidAccessKeyId"), caller, telemetry.CallCaller, false},
		{"not opted in", answer(403, "OptInRequired"), caller, telemetry.CallCaller, false},
		{"no credentials", &managedthings.CredentialsError{Err: errors.New("none")}, caller, telemetry.CallCaller, false},
		{"conflict", answer(409, "ConflictException"), trouble, telemetry.CallConflict, false},
		{"too large", answer(413, ""), trouble, telemetry.CallTooLarge, false},
		{"unavailable", answer(503, "ServiceUnavailableException"), trouble, telemetry.CallUnavailable, false},
		{"503 of a gateway", answer(503, ""), trouble, telemetry.CallUnavailable, true},
		{"internal", answer(500, "InternalServerException"), trouble, telemetry.CallInternal, true},
		{"502 of a gateway", answer(502, ""), trouble, telemetry.CallInternal, true},
		{"200 of a proxy", answer(200, ""), inBetween, telemetry.CallOther, true},
		{"a redirect to a login page", answer(302, ""), inBetween, telemetry.CallOther, true},
		{"a status that nobody knows", answer(520, ""), trouble, telemetry.CallInternal, true},
		{"timed out", &managedthings.TransportError{Err: context.DeadlineExceeded, Cause: errCallTimeout, Timeout: true, Sent: true}, trouble, telemetry.CallTimeout, true},
		{"timed out before it was sent", &managedthings.TransportError{Err: context.DeadlineExceeded, Cause: errCallTimeout, Timeout: true}, trouble, telemetry.CallTimeout, false},
		{"connection", &managedthings.TransportError{Err: errors.New("reset by peer"), Sent: true}, trouble, telemetry.CallConnection, true},
		{"no connection", &managedthings.TransportError{Err: errors.New("connection refused")}, trouble, telemetry.CallConnection, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := classify(c.err)
			if f.fault != c.fault || f.result != c.result || f.unknown != c.unknown {
				t.Errorf("fault %d result %s unknown %v, want %d %s %v", f.fault, f.result, f.unknown, c.fault, c.result, c.unknown)
			}
			if c.err != nil && f.code == "" {
				t.Error("a failure without a name")
			}
		})
	}
}
