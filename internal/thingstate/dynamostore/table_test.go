package dynamostore_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"managed-thing-updater/internal/standin"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/dynamostore"
	"managed-thing-updater/internal/thingstate/statetest"
)

func awsConfig(endpoint string) aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
	}
}

// client is one whose connections are its own, and closed with the test.
func client(t *testing.T) aws.HTTPClient {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	transport.ResponseHeaderTimeout = 2 * time.Second
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

var tables atomic.Int64

// moved has answers' Date tell a time that the test moves.
type moved struct {
	next  aws.HTTPClient
	ahead *atomic.Int64
}

func (m moved) Do(r *http.Request) (*http.Response, error) {
	answer, err := m.next.Do(r)
	if err == nil {
		answer.Header.Set("Date", time.Now().Add(time.Duration(m.ahead.Load())).UTC().Format(http.TimeFormat))
	}
	return answer, err
}

// open makes a new table at a stand-in, behind a proxy, and stores of it. The test moves
// DynamoDB's clock; those of the stores' machines are minutes off, each its own way.
func open(t *testing.T, endpoint string, o statetest.Options) statetest.Opened {
	t.Helper()
	proxy := standin.NewProxy(t, endpoint)
	name := fmt.Sprint("things-", tables.Add(1))
	var ahead atomic.Int64
	table := func(now func() time.Time) *dynamostore.Table {
		return dynamostore.New(awsConfig(proxy.URL), dynamostore.Options{Name: name, HTTP: moved{client(t), &ahead}, Now: now})
	}
	if err := table(time.Now).Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	off := 7 * time.Minute
	store := func() thingstate.Store {
		off = -off
		mine := off
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) + mine) }
		s := thingstate.NewShared(table(now), thingstate.SharedOptions{DedupTTL: o.DedupTTL, VersionTTL: o.VersionTTL, Now: now})
		if _, err := s.Check(t.Context()); err != nil { // as a worker does at its start
			t.Fatal(err)
		}
		return s
	}
	return statetest.Opened{
		Store: store(), Replica: store, Lose: proxy.Lose,
		Advance: func(d time.Duration) { ahead.Add(int64(d)) },
	}
}

func TestATableIsAStore(t *testing.T) {
	for _, kind := range []standin.Kind{standin.Moto(), standin.Dynalite()} {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			endpoint := kind.ForTest(t)
			if kind.Name == standin.Moto().Name {
				endpoint = standin.InTurn(t, endpoint)
			}
			statetest.Run(t, statetest.Harness{
				Open:  func(t *testing.T, o statetest.Options) statetest.Opened { return open(t, endpoint, o) },
				Tick:  20 * time.Second,                     // well above the second that a Date is exact to
				Blind: kind.Name == standin.Dynalite().Name, // it does not show the item that failed a condition
			})
		})
	}
}
