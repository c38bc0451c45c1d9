package managedthings_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"managed-thing-updater/internal/awshttp"
)

func TestTheCallerHearsThatTheRequestIsWrittenBeforeTheAnswerComes(t *testing.T) {
	written := make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		select {
		case <-written:
			w.WriteHeader(http.StatusNoContent)
		case <-time.After(10 * time.Second):
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer s.Close()
	c := clientOf(t, s.URL, nil)
	in := input
	in.Written = func() { written <- struct{}{} }
	for range 2 { // on a new connection, and on one that is used again
		if _, err := c.UpdateManagedThing(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
}

func TestACallWithoutAConnectionIsNeverWritten(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close() // nobody listens there any more
	in := input
	in.Written = func() { t.Error("said to be written") }
	if _, err := clientOf(t, s.URL, awshttp.New(awshttp.Options{})).UpdateManagedThing(t.Context(), in); err == nil {
		t.Error("no error")
	}
}
