package managedthings

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"managed-thing-updater/internal/message"
)

const (
	// MaxRetryAfter bounds a server's wish: longer ones are cut to it.
	MaxRetryAfter = 5 * time.Minute

	maxAnswer = 64 << 10 // bytes of an answer that are read
	maxText   = 1 << 10  // bytes of the API's text that are kept
	maxCode   = 128
)

// modelled are the errors of UpdateManagedThing in the API's model.
var modelled = map[string]bool{
	"ValidationException": true, "UnauthorizedException": true, "AccessDeniedException": true, "ResourceNotFoundException": true,
	"ConflictException": true, "ThrottlingException": true, "InternalServerException": true, "ServiceUnavailableException": true,
}

// apiError reads an answer that is no success by the rules of AWS's restJson1
// protocol. A body that is not JSON, or that cannot be read, leaves what the
// headers say.
func apiError(o operation, answer *http.Response, now time.Time, members []message.Member) *APIError {
	h := answer.Header
	e := &APIError{Status: answer.StatusCode, RequestID: requestID(h), RetryAfter: retryAfter(h, now), operation: o}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		fields = nil
	}
	e.Code = first(errorCode(h.Get("X-Amzn-ErrorType")), errorCode(text(fields["__type"])), errorCode(text(fields["code"])))
	e.Modelled = modelled[e.Code]
	e.Message = mask(shorten(first(text(fields["Message"]), text(fields["message"]))), members)
	return e
}

// errorCode returns a code without what may stand around it: ":" and a URL behind, a
// namespace and "#" before. It is empty if the rest is no name. It shares no memory with
// the answer, because it is remembered for longer.
func errorCode(s string) string {
	s, _, _ = strings.Cut(s, ":")
	if _, name, ok := strings.Cut(s, "#"); ok {
		s = name
	}
	s = strings.TrimSpace(s)
	if len(s) > maxCode || strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	}) {
		return ""
	}
	return strings.Clone(s)
}

// retryAfter takes the longer of Retry-After (seconds, or an HTTP date) and
// x-amz-retry-after (milliseconds).
func retryAfter(h http.Header, now time.Time) time.Duration {
	wish := max(units(h.Get("Retry-After"), time.Second), units(h.Get("X-Amz-Retry-After"), time.Millisecond))
	if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
			now = theirs // both by the server's clock, whatever ours says
		}
		wish = max(wish, at.Sub(now))
	}
	return min(wish, MaxRetryAfter)
}

// units reads a number of units, cut to MaxRetryAfter; 0 for anything else.
func units(s string, unit time.Duration) time.Duration {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange), n < 0:
		return 0
	case n > int64(MaxRetryAfter/unit):
		return MaxRetryAfter
	}
	return time.Duration(n) * unit
}

func requestID(h http.Header) string {
	return first(h.Get("X-Amzn-Requestid"), h.Get("X-Amz-Request-Id"), h.Get("X-Amz-Requestid"))
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func shorten(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}

func first(candidates ...string) string {
	for _, s := range candidates {
		if s != "" {
			return s
		}
	}
	return ""
}
