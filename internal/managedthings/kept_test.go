package managedthings_test

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/managedthings"
)

// An error's code is remembered with each message that the call carried, and a gateway
// may put much behind it.
func TestACodeThatIsRememberedKeepsNoAnswerAlive(t *testing.T) {
	const answers, most = 100, 200 // bytes each
	for _, body := range []string{
		`{"__type":"ValidationException:` + strings.Repeat("x", 30<<10) + `"}`,
		`{"code":"` + strings.Repeat("x", 30<<10) + `#ValidationException"}`,
	} {
		client := clientOf(t, "http://localhost", awshttp.New(awshttp.Options{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
		})}))
		kept := make([]string, 0, answers+1)
		call := func() {
			_, err := client.UpdateManagedThing(t.Context(), input)
			e, ok := errors.AsType[*managedthings.APIError](err)
			if !ok || e.Code != "ValidationException" {
				t.Fatal(err)
			}
			kept = append(kept, e.Code)
		}
		call() // what the client makes once
		before := heapAlive()
		for range answers {
			call()
		}
		if each := (heapAlive() - before) / answers; each > most {
			t.Errorf("%d bytes are kept alive for each code, want at most %d", each, most)
		}
		runtime.KeepAlive(kept)
	}
}

func heapAlive() int64 {
	runtime.GC()
	runtime.GC() // what pools hold goes with the second
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
