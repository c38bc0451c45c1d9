package app

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/status"
	"managed-thing-updater/internal/telemetry"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/dynamostore"
	"managed-thing-updater/internal/thingstate/redisstore"
)

const (
	// stateAnswer is how long a state store may take for one try; an operation has
	// time for a second and a third.
	stateAnswer = time.Second
	// stateCheck bounds the look at the store at start.
	stateCheck = 10 * time.Second
)

// openState opens the store that the settings name and looks whether it can be
// used. One that only does not answer is no reason not to start: until it does,
// nothing is applied and every message stays in the queue.
func (w *Worker) openState(ctx context.Context, cfg aws.Config) error {
	w.closeState = func() error { return nil }
	if w.o.Store != nil {
		w.store = status.NewMeteredStore(w.o.Store, w.metrics)
		w.memory, _ = w.o.Store.(*thingstate.Memory)
		return nil
	}
	shared, err := openShared(w.cfg, cfg, w.o.Transport, w.reporter.ClockAhead)
	if err != nil {
		return err
	}
	if shared == nil {
		w.memory = thingstate.NewMemory(thingstate.MemoryOptions{DedupTTL: w.cfg.DedupTTL, VersionTTL: w.cfg.VersionTTL, Bytes: w.cfg.StateBytes})
		w.store = status.NewMeteredStore(w.memory, w.metrics)
		return nil
	}
	if err := w.checkState(ctx, shared); err != nil {
		return errors.Join(err, shared.Close())
	}
	w.store, w.closeState = status.NewMeteredStore(shared, w.metrics), shared.Close
	return nil
}

// openShared opens the store that the settings name, nil if that is memory.
// Nothing is asked of it yet. ahead hears by how much this machine's clock is ahead of
// DynamoDB's; it may be nil.
func openShared(c config.Config, cfg aws.Config, transport http.RoundTripper, ahead func(time.Duration)) (*thingstate.Shared, error) {
	var table thingstate.Table
	switch c.StateKind() {
	case config.StateDynamoDB:
		client := awshttp.ForConfig(cfg, awshttp.Options{Connections: c.Concurrency, HeaderTimeout: stateAnswer, Transport: transport})
		t := dynamostore.New(cfg, dynamostore.Options{Name: c.StateTable(), HTTP: client, Ahead: ahead})
		if err := awshttp.CheckEndpoint("DynamoDB", t.Endpoint()); err != nil {
			return nil, &SetupError{err, "correct AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL, or endpoint_url in the profile"}
		}
		table = t
	case config.StateRedis:
		t, err := redisstore.New(redisstore.Options{URL: c.State, Connections: c.Concurrency})
		if err != nil {
			return nil, stateSetup(err)
		}
		table = t
	default:
		return nil, nil
	}
	return thingstate.NewShared(table, thingstate.SharedOptions{DedupTTL: c.DedupTTL, VersionTTL: c.VersionTTL}), nil
}

func (w *Worker) checkState(ctx context.Context, s *thingstate.Shared) error {
	checking, cancel := context.WithTimeout(ctx, stateCheck)
	defer cancel()
	warnings, err := s.Check(checking)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, warning := range warnings {
		w.log.Warn(warning, telemetry.State(w.cfg.StateName()))
	}
	if err = stateSetup(err); err == nil {
		return nil
	}
	if setup, ok := errors.AsType[*SetupError](err); ok {
		return setup
	}
	w.log.Warn("the state store does not answer; starting all the same: until it does, nothing is applied and every message stays in the queue",
		telemetry.State(w.cfg.StateName()), zap.Error(err))
	return nil
}

// stateSetup turns a fault of a store's setup into one of the worker's.
func stateSetup(err error) error {
	if setup, ok := errors.AsType[*thingstate.SetupError](err); ok {
		return &SetupError{setup.Fault, setup.Fix}
	}
	return err
}
