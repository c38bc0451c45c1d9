package awshttp_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"managed-thing-updater/internal/awshttp"
)

// answered is what the SDK notes of an answer that took 5 seconds.
func answered(t *testing.T, date string) middleware.Metadata {
	_, metadata, err := awsmiddleware.RecordResponseTiming{}.HandleDeserialize(t.Context(), middleware.DeserializeInput{}, middleware.DeserializeHandlerFunc(
		func(context.Context, middleware.DeserializeInput) (out middleware.DeserializeOutput, m middleware.Metadata, err error) {
			time.Sleep(5 * time.Second)
			answer := &http.Response{Header: http.Header{}}
			if date != "" {
				answer.Header.Set("Date", date)
			}
			out.RawResponse = &smithyhttp.Response{Response: answer}
			return out, m, nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	return metadata
}

func TestClockAheadIsToldByTheAnswersDate(t *testing.T) {
	for date, want := range map[string]time.Duration{
		"Sat, 01 Jan 2000 00:00:05 GMT": 0,
		"Sat, 01 Jan 2000 00:00:04 GMT": 0, // whole seconds
		"Sat, 01 Jan 2000 00:02:05 GMT": 2 * time.Minute,
		"Fri, 31 Dec 1999 23:00:05 GMT": -time.Hour,
		"":                              0,
		"soon":                          0,
	} {
		synctest.Test(t, func(t *testing.T) {
			if got := awshttp.ClockAhead(answered(t, date)); got != want {
				t.Errorf("%q: %v ahead, want %v", date, got, want)
			}
		})
	}
}
