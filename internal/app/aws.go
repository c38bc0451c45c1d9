package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"go.uber.org/zap"

	"managed-thing-updater/internal/awscredentials"
	"managed-thing-updater/internal/awserror"
	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/status"
	"managed-thing-updater/internal/telemetry"
)

// loadAWS loads the SDK's configuration, unless one is given. log gets the SDK's warnings.
func loadAWS(ctx context.Context, given *aws.Config, log *zap.Logger) (cfg aws.Config, err error) {
	if given != nil {
		cfg = given.Copy()
		cfg.Logger = sdkLog(log)
	} else if cfg, err = loadWith(ctx, awshttp.Base(), awsconfig.WithLogger(sdkLog(log))); err != nil {
		return cfg, &SetupError{fmt.Errorf("the AWS configuration cannot be read: %w", err), "correct the profile or the environment"}
	}
	if cfg.Credentials != nil {
		cfg.Credentials = awserror.Marked(cfg.Credentials)
	}
	return cfg, nil
}

// loadWith loads the configuration as every AWS tool does it. All that gives credentials
// is asked by base, so that no proxy is asked for those on this machine.
func loadWith(ctx context.Context, base *sdkhttp.BuildableClient, more ...func(*awsconfig.LoadOptions) error) (aws.Config, error) {
	return awsconfig.LoadDefaultConfig(ctx, append(more, awsconfig.WithHTTPClient(base),
		// The SDK gives this one provider a client of its own otherwise.
		awsconfig.WithEndpointCredentialOptions(func(o *endpointcreds.Options) { o.HTTPClient = base }))...)
}

// usableAWS loads the SDK's configuration and checks what nothing works without. It waits
// for credentials that are not there yet; notYet is told of each try that failed; it
// may be nil. What cannot come by itself is a *SetupError.
func usableAWS(ctx context.Context, given *aws.Config, log *zap.Logger, patience time.Duration, notYet func(error)) (aws.Config, error) {
	cfg, err := loadAWS(ctx, given, log)
	if err != nil {
		return cfg, err
	}
	if cfg.Region == "" {
		return cfg, &SetupError{errors.New("no AWS Region is set"), "set AWS_REGION, or region in the profile"}
	}
	if cfg.Credentials == nil {
		return cfg, &SetupError{errors.New("no AWS credentials are set"), "set AWS_PROFILE, keys or a role"}
	}
	switch _, err := awscredentials.Await(ctx, cfg.Credentials, patience, notYet); {
	case err == nil:
		return cfg, nil
	case awscredentials.NeverComes(err):
		return cfg, &SetupError{fmt.Errorf("no AWS credentials: %w", err), awserror.Of(err).Fix(awserror.Request{})}
	case ctx.Err() != nil:
		return cfg, err
	default:
		return cfg, fmt.Errorf("no AWS credentials: %w; %s", err, awserror.Of(err).Fix(awserror.Request{}))
	}
}

// waitsForCredentials says that the start waits for credentials, in readiness and once in
// the log for each reason.
func (w *Worker) waitsForCredentials() (notYet func(error)) {
	var last awserror.Cause
	since := time.Now()
	return func(err error) {
		cause := awserror.Of(err)
		if cause == last {
			return
		}
		last = cause
		text := cause.What(awserror.Request{}) + " yet: " + cause.Fix(awserror.Request{})
		w.reporter.Phase(status.Starting, fmt.Sprintf("starting: waiting for AWS credentials since %s, for %s at most: %s",
			since.UTC().Format(time.RFC3339), awscredentials.ForWorker, text))
		w.log.Warn(text+"; trying again for "+awscredentials.ForWorker.String(), telemetry.Code(cause.Code), zap.Error(err))
	}
}
