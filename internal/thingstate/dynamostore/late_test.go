package dynamostore_test

import (
	"net/http"
	"testing"

	"managed-thing-updater/internal/standin"
	"managed-thing-updater/internal/thingstate/dynamostore"
	"managed-thing-updater/internal/thingstate/statetest"
)

func TestLateRequestsToATable(t *testing.T) {
	for kind, orders := range map[string]int{"moto": 30, "dynalite": 100} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := standin.Dynalite()
			if kind == "moto" {
				server = standin.Moto()
			}
			// Without the Date of answers two copies of a request are the same request.
			send := client(t)
			undated := roundTrip(func(r *http.Request) (*http.Response, error) {
				answer, err := send.Do(r)
				if err == nil {
					answer.Header.Del("Date")
				}
				return answer, err
			})
			table := dynamostore.New(awsConfig(server.ForTest(t)), dynamostore.Options{Name: "late", HTTP: undated})
			if err := table.Create(t.Context()); err != nil {
				t.Fatal(err)
			}
			statetest.Late(t, statetest.LateHarness{Table: table, Orders: orders, Blind: kind == "dynalite"})
		})
	}
}
