package localcloud

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// apiService is the signing name of the API.
const apiService = "iotmanagedintegrations"

// apiError is an error of the API's model or of what stands in front of it.
type apiError struct {
	status        int
	code, message string
	members       map[string]string // besides Message
}

func validationError(faults []string) *apiError {
	text := fmt.Sprintf("%d validation errors detected: %s", len(faults), strings.Join(faults, "; "))
	if len(faults) == 1 {
		text = "1 validation error detected: " + faults[0]
	}
	return &apiError{status: http.StatusBadRequest, code: "ValidationException", message: text}
}

func notFound(id string) *apiError {
	return &apiError{
		status: http.StatusNotFound, code: "ResourceNotFoundException", message: "Managed thing " + id + " does not exist",
		members: map[string]string{"ResourceId": id, "ResourceType": "ManagedThing"},
	}
}

func (e *apiError) write(w http.ResponseWriter) {
	body := map[string]string{"Message": e.message}
	maps.Copy(body, e.members)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amzn-ErrorType", e.code)
	w.WriteHeader(e.status)
	_, _ = w.Write(mustMarshal(body))
}

// serve takes what follows /managed-things/ in the path, still escaped.
func (t *Things) serve(w http.ResponseWriter, r *http.Request, escaped string, body []byte) {
	requestID := t.cloud.random.uuid()
	w.Header().Set("X-Amzn-Requestid", requestID)
	id, err := url.PathUnescape(escaped)
	if err != nil {
		validationError([]string{"the path is not escaped rightly"}).write(w)
		return
	}
	denied := t.denied(r, body)
	switch r.Method {
	case http.MethodGet:
		if denied != nil {
			denied.write(w)
			return
		}
		t.serveGet(w, id)
	case http.MethodPut:
		call := &Call{At: time.Now(), Thing: id, Body: string(body), RequestID: requestID}
		n, nth := t.arrive(call)
		if denied != nil {
			t.answer(w, call, denied)
			return
		}
		fault := t.cloud.Faults.forCall(CallInfo{Thing: id, Body: call.Body, N: n}, nth)
		t.serveUpdate(w, r, call, fault)
	default:
		(&apiError{status: http.StatusMethodNotAllowed, code: "UnknownOperationException"}).write(w)
	}
}

func (t *Things) denied(r *http.Request, body []byte) *apiError {
	why, text := t.cloud.auth.check(r, body, apiService)
	if why == allowed {
		return nil
	}
	return &apiError{status: http.StatusForbidden, code: why.shape, message: text}
}

func (t *Things) serveUpdate(w http.ResponseWriter, r *http.Request, call *Call, fault *Fault) {
	ctx := r.Context()
	late := fault.ApplyLate > 0 && !fault.BreakBefore
	if late {
		fault.schedule(call.At, func() { t.apply(call) })
	}
	switch {
	case !fault.wait(ctx), fault.BreakBefore, late && fault.Status == 0:
		t.hangUp(call)
	case fault.Status != 0 && !fault.BreakAfter:
		t.answerFault(w, call, fault)
	case !t.takeToken():
		t.answer(w, call, &apiError{status: http.StatusTooManyRequests, code: "ThrottlingException", message: "Rate exceeded"})
	default:
		// The effect is halfway through the latency, so a client that gives up
		// cannot know on which side of it.
		latency := t.cloud.opts.Latency
		if !sleep(ctx, latency/2) {
			t.hangUp(call)
		}
		refused := t.apply(call)
		if !sleep(ctx, latency-latency/2) || fault.BreakAfter && fault.Status == 0 {
			t.hangUp(call)
		}
		if fault.BreakAfter {
			t.answerFault(w, call, fault)
			return
		}
		t.answer(w, call, refused)
	}
}

// hangUp ends the call without an answer; it does not return.
func (t *Things) hangUp(call *Call) {
	t.end(call, 0, "")
	breakConnection()
}

func (t *Things) answer(w http.ResponseWriter, call *Call, e *apiError) {
	if e != nil {
		t.end(call, e.status, e.code)
		e.write(w)
		return
	}
	t.end(call, http.StatusNoContent, "")
	w.WriteHeader(http.StatusNoContent)
}

func (t *Things) answerFault(w http.ResponseWriter, call *Call, f *Fault) {
	t.end(call, f.Status, f.Code)
	f.setHeader(w.Header())
	if f.Code != "" && f.Body == "" {
		(&apiError{status: f.Status, code: f.Code, message: "a fault of the local cloud"}).write(w)
		return
	}
	if f.Code != "" {
		w.Header().Set("X-Amzn-ErrorType", f.Code)
	}
	f.writeBody(w)
}

// serveGet answers GetManagedThing with the members that its response has:
// not the capabilities, which have operations of their own. Timestamps are
// epoch seconds.
func (t *Things) serveGet(w http.ResponseWriter, id string) {
	t.mu.Lock()
	if !t.exists(id) {
		t.mu.Unlock()
		notFound(id).write(w)
		return
	}
	th := t.things[id]
	if th == nil {
		th = &thing{created: time.Now(), updated: time.Now()} // looking creates nothing
	}
	out := map[string]any{
		"Id":        id,
		"Arn":       "arn:aws:iotmanagedintegrations:" + t.cloud.opts.Region + ":" + t.cloud.opts.Account + ":managed-thing/" + id,
		"CreatedAt": json.RawMessage(epoch(th.created)),
		"UpdatedAt": json.RawMessage(epoch(th.updated)),
	}
	for name, value := range th.members {
		if !slices.Contains([]string{"CapabilityReport", "CapabilitySchemas", "Capabilities"}, name) {
			out[name] = value
		}
	}
	t.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(mustMarshal(out))
}

func epoch(t time.Time) string { return fmt.Sprintf("%d.%03d", t.Unix(), t.Nanosecond()/1e6) }
