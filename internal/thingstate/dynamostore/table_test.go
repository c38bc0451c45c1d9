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

// open makes a new table at a stand-in, behind a proxy, and stores of it whose
// clock the test moves.
func open(t *testing.T, endpoint string, o statetest.Options) statetest.Opened {
	t.Helper()
	proxy := standin.NewProxy(t, endpoint)
	name := fmt.Sprint("things-", tables.Add(1))
	var ahead atomic.Int64
	table := func() *dynamostore.Table {
		return dynamostore.New(awsConfig(proxy.URL), dynamostore.Options{Name: name, HTTP: client(t)})
	}
	if err := table().Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	store := func() thingstate.Store {
		return thingstate.NewShared(table(), thingstate.SharedOptions{
			DedupTTL: o.DedupTTL, VersionTTL: o.VersionTTL,
			Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
		})
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
				Tick:  time.Second,
				Blind: kind.Name == standin.Dynalite().Name, // it does not show the item that failed a condition
			})
		})
	}
}
