package app

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/logging"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestTheSDKsWarningsAreLinesOfTheLogOnceAMinute(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", "none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
	for name, given := range map[string]*aws.Config{"loaded": nil, "given": {Region: "eu-west-1"}} {
		core, lines := observer.New(zap.DebugLevel)
		cfg, err := loadAWS(t.Context(), given, zap.New(core))
		if err != nil || cfg.Logger == nil {
			t.Fatalf("%s: logger %v, error %v", name, cfg.Logger, err)
		}
		synctest.Test(t, func(*testing.T) {
			for range 100 {
				cfg.Logger.Logf(logging.Warn, "falling back to %s", "IMDSv1")
				cfg.Logger.Logf(logging.Debug, "Request\nAuthorization: %s", "secret")
			}
			time.Sleep(2 * time.Minute)
			cfg.Logger.Logf(logging.Warn, "falling back to %s", "IMDSv1")
		})
		if all := lines.All(); len(all) != 2 || all[0].ContextMap()["detail"] != "falling back to IMDSv1" {
			t.Errorf("%s: %d lines: %v", name, len(all), all)
		}
	}
}
