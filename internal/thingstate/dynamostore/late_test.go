package dynamostore_test

import (
	"testing"

	"managed-thing-updater/internal/standin"
	"managed-thing-updater/internal/thingstate/dynamostore"
	"managed-thing-updater/internal/thingstate/statetest"
)

func TestLateRequestsToATable(t *testing.T) {
	for kind, orders := range map[string]int{"moto": 150, "dynalite": 300} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := standin.Dynalite()
			if kind == "moto" {
				server = standin.Moto()
			}
			table := dynamostore.New(awsConfig(server.ForTest(t)), dynamostore.Options{Name: "late", HTTP: client(t)})
			if err := table.Create(t.Context()); err != nil {
				t.Fatal(err)
			}
			statetest.Late(t, statetest.LateHarness{Table: table, Orders: orders, Blind: kind == "dynalite"})
		})
	}
}
