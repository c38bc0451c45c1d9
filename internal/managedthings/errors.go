package managedthings

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"managed-thing-updater/internal/message"
)

// APIError is an answer that is no success, from the API or from something in front
// of it. It holds no value of a sensitive member: what the API says is masked
// if the call carried one.
type APIError struct {
	Status    int
	Code      string // empty if the answer names none
	Message   string // the API's text, masked and shortened; may be empty
	RequestID string // empty if the answer has none
	// Modelled reports whether Code is one of those that the API's model gives to
	// UpdateManagedThing. Only then it is the API's word on this thing.
	Modelled bool
	// RetryAfter is the server's wish, from 0 (none) to MaxRetryAfter.
	RetryAfter time.Duration

	operation operation
}

// InBetween is the advice if an answer came that the API never gives.
const InBetween = "something in between answers (a proxy, a login page, an emulator): check AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS, AWS_ENDPOINT_URL, HTTPS_PROXY and NO_PROXY"

// NotTheAPI reports whether something in between answered: UpdateManagedThing answers
// 204 or an error, never another 2xx or a 3xx. What became of the call is not known.
func (e *APIError) NotTheAPI() bool { return e.Status < http.StatusBadRequest }

// operation is the API's operation that failed. Empty is UpdateManagedThing.
type operation string

const (
	update operation = "UpdateManagedThing"
	get    operation = "GetManagedThing"
)

func (o operation) String() string { return string(cmp.Or(o, update)) }

var _ smithy.APIError = (*APIError)(nil)

// ErrorCode implements smithy.APIError.
func (e *APIError) ErrorCode() string { return e.Code }

// ErrorMessage implements smithy.APIError.
func (e *APIError) ErrorMessage() string { return e.Message }

// ErrorFault implements smithy.APIError, by the status.
func (e *APIError) ErrorFault() smithy.ErrorFault {
	switch {
	case e.Status >= 500:
		return smithy.FaultServer
	case e.Status >= 400:
		return smithy.FaultClient
	}
	return smithy.FaultUnknown
}

func (e *APIError) Error() string {
	var b strings.Builder
	b.WriteString(e.operation.String() + ": ")
	switch {
	case e.NotTheAPI():
		fmt.Fprintf(&b, "HTTP status %d, which the API does not answer here", e.Status)
	case e.Code == "":
		fmt.Fprintf(&b, "HTTP status %d without an error code", e.Status)
	default:
		fmt.Fprintf(&b, "%s (HTTP status %d)", e.Code, e.Status)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.RequestID != "" {
		b.WriteString(" [request " + e.RequestID + "]")
	}
	return b.String()
}

// Masked is the API's text, fit to be shown beside a call with these members: it is
// replaced as a whole if one of them is sensitive. Message is already masked for the
// members of its own call.
func (e *APIError) Masked(members []message.Member) string { return mask(e.Message, members) }

func mask(text string, members []message.Member) string {
	var sensitive []string
	for _, m := range members {
		if message.IsSensitive(m.Name) {
			sensitive = append(sensitive, m.Name)
		}
	}
	if text == "" || sensitive == nil {
		return text
	}
	return "(masked: the call carried " + strings.Join(sensitive, ", ") + ")"
}

// TransportError says that no answer came.
type TransportError struct {
	Err error // what went wrong
	// Cause is the context's cause if the context ended the call, else nil.
	Cause error
	// Timeout reports whether time ran out: the context's deadline, or a limit of
	// the HTTP client.
	Timeout bool
	// Sent is false only if it is certain that no byte of the request went out, as
	// when there was no connection. If it is true, the values may be applied, now or
	// later.
	Sent bool

	operation operation
}

func (e *TransportError) Error() string {
	text := e.operation.String() + ": no answer: " + e.Err.Error()
	if !e.Sent {
		text = e.operation.String() + ": no connection: " + e.Err.Error()
	}
	if e.Cause != nil && !errors.Is(e.Err, e.Cause) {
		text += " (" + e.Cause.Error() + ")"
	}
	return text
}

// Unwrap gives the transport's error and, if there is one, the context's cause.
func (e *TransportError) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Cause}
}

func transportError(ctx context.Context, o operation, err error, sent bool) *TransportError {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the rest is the URL, the same for all but the thing
	}
	e := &TransportError{Err: err, Sent: sent, operation: o}
	if ctx.Err() != nil {
		e.Cause = context.Cause(ctx)
	}
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	e.Timeout = ok && timeout.Timeout() || errors.Is(ctx.Err(), context.DeadlineExceeded)
	return e
}

// CredentialsError says that a call could not be signed: there are no credentials. Nothing
// was sent. The fault is the caller's, never the thing's.
type CredentialsError struct {
	Err error

	operation operation
}

func (e *CredentialsError) Error() string {
	return e.operation.String() + ": no AWS credentials: " + e.Err.Error()
}

func (e *CredentialsError) Unwrap() error { return e.Err }
