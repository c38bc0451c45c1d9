package app

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.uber.org/zap"

	"managed-thing-updater/internal/awscredentials"
	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/doctor"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/telemetry"
)

// doctorConnections is how many requests of an examination are under way at once,
// at most.
const doctorConnections = 8

// Examine looks for what is wrong with the set-up of a worker that is not running.
// It returns a *SetupError if the AWS configuration cannot be read at all.
func Examine(ctx context.Context, cfg config.Config) (doctor.Report, error) {
	awsConfig, err := loadAWS(ctx, nil, zap.NewNop())
	if err != nil {
		return doctor.Report{}, err
	}
	client := awshttp.ForConfig(awsConfig, awshttp.Options{Connections: doctorConnections, HeaderTimeout: headerTimeout})
	defer client.CloseIdleConnections()
	return doctor.Examine(ctx, doctor.Options{
		Config: cfg, AWS: awsConfig, HTTP: client, HeaderTimeout: headerTimeout,
		State: func(ctx context.Context) doctor.StateReport { return askState(ctx, cfg, awsConfig) },
	}), nil
}

// askState opens the shared store that the settings name, if they do, and asks it
// how it is.
func askState(ctx context.Context, cfg config.Config, awsConfig aws.Config) doctor.StateReport {
	shared, err := openShared(cfg, awsConfig, nil, nil)
	var report doctor.StateReport
	if shared != nil {
		defer func() { _ = shared.Close() }()
		ctx, cancel := context.WithTimeout(ctx, stateCheck)
		defer cancel()
		report.Warnings, err = shared.Check(ctx)
	}
	if err = stateSetup(err); err == nil {
		return report
	}
	report.Fault, report.Fix = err.Error(), "Let the worker's subnet and security group reach "+cfg.StateName()+", and see that it is up."
	if setup, ok := errors.AsType[*SetupError](err); ok {
		report.Fault, report.Fix = setup.Fault.Error(), setup.Fix
	}
	return report
}

// logProblems examines the set-up of this worker. Its state store was
// looked at before the start.
func (w *Worker) logProblems(ctx context.Context) {
	report := w.examine(ctx)
	if ctx.Err() != nil {
		return // what was cut short is no problem of the set-up
	}
	for _, p := range report.Problems() {
		w.log.Warn(p.What, telemetry.Check(p.Check), zap.String("severity", string(p.Severity)), zap.String("why", p.Why), zap.String("fix", p.Fix))
	}
}

// Probe is doctor.Probe on the API that the AWS settings name.
func Probe(ctx context.Context, cfg config.Config, o doctor.ProbeOptions) (semantics string, err error) {
	awsConfig, err := usableAWS(ctx, nil, zap.NewNop(), awscredentials.ForCommand, nil)
	if err != nil {
		return "", err
	}
	client := awshttp.ForConfig(awsConfig, awshttp.Options{})
	defer client.CloseIdleConnections()
	api, err := managedthings.New(awsConfig, managedthings.Options{HTTP: client})
	if err != nil {
		return "", &SetupError{err, "correct the AWS settings of the environment or the profile"}
	}
	o.Region, o.CallTimeout = awsConfig.Region, cfg.CallTimeout
	return doctor.Probe(ctx, api, o)
}
