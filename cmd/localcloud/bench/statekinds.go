package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"managed-thing-updater/cmd/localcloud/internal/harness"
	"managed-thing-updater/internal/standin"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/dynamostore"
	"managed-thing-updater/internal/thingstate/redisstore"
)

// stateKind is one kind of store.
type stateKind struct {
	name    string
	missing string // what of it is missing here, and the way out
	open    func(context.Context) (openState, error)
}

// openState is a store that is ready, and how a worker is told of it.
type openState struct {
	store    thingstate.Store
	settings []string
	close    func()
}

func stateKinds() []stateKind {
	kinds := []stateKind{{name: "memory", open: func(context.Context) (openState, error) {
		return openState{store: thingstate.NewMemory(thingstate.MemoryOptions{}), close: func() {}}, nil
	}}}
	add := func(name string, k standin.Kind, open func(context.Context, *standin.Server) (openState, error)) {
		kind := stateKind{name: name}
		if k.Missing != "" {
			kind.missing = k.Missing + ": " + k.Install
		}
		kind.open = func(ctx context.Context) (openState, error) {
			server, err := k.Start(ctx)
			if err != nil {
				return openState{}, err
			}
			o, err := open(ctx, server)
			if err != nil {
				server.Stop()
				return openState{}, err
			}
			inner := o.close
			o.close = func() {
				inner()
				server.Stop()
			}
			return o, nil
		}
		kinds = append(kinds, kind)
	}
	add("redis", standin.Redis(), openRedis)
	add("valkey", standin.Valkey(), openRedis)
	add("dynamodb (dynalite)", standin.Dynalite(), openDynamoDB)
	add("dynamodb (moto)", standin.Moto(), openDynamoDB)
	return kinds
}

func openRedis(_ context.Context, server *standin.Server) (openState, error) {
	table, err := redisstore.New(redisstore.Options{URL: server.URL, Connections: concurrency})
	if err != nil {
		return openState{}, err
	}
	return openState{
		store: thingstate.NewShared(table, thingstate.SharedOptions{}), settings: []string{"WORKER_STATE=" + server.URL},
		close: func() { _ = table.Close() },
	}, nil
}

func openDynamoDB(ctx context.Context, server *standin.Server) (openState, error) {
	const name = "things"
	transport := &http.Transport{MaxIdleConnsPerHost: concurrency}
	cfg := aws.Config{
		Region: harness.Region, BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider(harness.AccessKey, harness.SecretKey, ""),
	}
	table := dynamostore.New(cfg, dynamostore.Options{Name: name, HTTP: &http.Client{Transport: transport}})
	if err := table.Create(ctx); err != nil {
		return openState{}, fmt.Errorf("create the table: %w", err)
	}
	return openState{
		store:    thingstate.NewShared(table, thingstate.SharedOptions{}),
		settings: []string{"WORKER_STATE=" + table.String(), "AWS_ENDPOINT_URL_DYNAMODB=" + server.URL},
		close:    transport.CloseIdleConnections,
	}, nil
}
