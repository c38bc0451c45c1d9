package awshttp_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"managed-thing-updater/internal/awshttp"
)

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
			client := sqs.New(sqs.Options{
				Region: "eu-west-1", BaseEndpoint: aws.String("http://localhost"), Retryer: aws.NopRetryer{},
				Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
					return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "s"}, nil
				}),
				HTTPClient: awshttp.New(awshttp.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					time.Sleep(5 * time.Second)
					answer := &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}
					if date != "" {
						answer.Header.Set("Date", date)
					}
					return answer, nil
				})}),
			})
			out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String("http://localhost/q")})
			if err != nil {
				t.Fatal(err)
			}
			if got := awshttp.ClockAhead(out.ResultMetadata); got != want {
				t.Errorf("%q: %v ahead, want %v", date, got, want)
			}
		})
	}
}
