package config_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"managed-thing-updater/internal/config"
)

const (
	queue     = "https://sqs.eu-west-1.amazonaws.com/123456789012/updates"
	fifoQueue = "https://sqs.eu-west-1.amazonaws.com/123456789012/updates.fifo"
)

func environment(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

// with is the environment of a worker that has all it needs, and these.
func with(pairs ...string) func(string) (string, bool) {
	vars := map[string]string{"WORKER_QUEUE_URL": queue}
	for i := 0; i < len(pairs); i += 2 {
		vars[pairs[i]] = pairs[i+1]
	}
	return environment(vars)
}

func faults(t *testing.T, err error) []config.Fault {
	t.Helper()
	if err == nil {
		t.Fatal("the settings were accepted")
	}
	e, ok := errors.AsType[*config.Error](err)
	if !ok {
		t.Fatalf("not a *config.Error: %v", err)
	}
	return e.Faults
}

func TestDefaults(t *testing.T) {
	c, err := config.Load(with(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.QueueURL = queue
	if got, want := texts(c), texts(want); !reflect.DeepEqual(got, want) {
		t.Errorf("Default() and Load differ:\n%v\n%v", got, want)
	}
	for _, check := range []struct {
		name      string
		got, want any
	}{
		{"Concurrency", c.Concurrency, 64},
		{"Pollers", c.Pollers, 4},
		{"WaitTime", c.WaitTime, 20 * time.Second},
		{"VisibilityTimeout", c.VisibilityTimeout, 2 * time.Minute},
		{"MaxHeld", c.MaxHeld, 5000},
		{"MaxHeldBytes", c.MaxHeldBytes, int64(64 << 20)},
		{"RateStart", c.RateStart, 10.0},
		{"RateMax", c.RateMax, 0.0},
		{"CallTimeout", c.CallTimeout, 10 * time.Second},
		{"RetryBase", c.RetryBase, 200 * time.Millisecond},
		{"RetryMax", c.RetryMax, 20 * time.Second},
		{"RetryAttempts", c.RetryAttempts, 8},
		{"MaxReceives", c.MaxReceives, 100},
		{"MaxEventAge", c.MaxEventAge, 28 * 24 * time.Hour},
		{"State", c.State, "memory"},
		{"StateBytes", c.StateBytes, int64(64 << 20)},
		{"DedupTTL", c.DedupTTL, 24 * time.Hour},
		{"VersionTTL", c.VersionTTL, 24 * time.Hour},
		{"SkipUnchanged", c.SkipUnchanged, time.Duration(0)},
		{"MemberSemantics", c.MemberSemantics, "unknown"},
		{"ShutdownTimeout", c.ShutdownTimeout, 25 * time.Second},
		{"AdminAddr", c.AdminAddr, ":8080"},
		{"AdminToken", c.AdminToken, ""},
		{"AdminHosts", len(c.AdminHosts), 0},
		{"LogLevel", c.LogLevel, "info"},
		{"LogFormat", c.LogFormat, "json"},
		{"DLQURL", c.DLQURL, ""},
	} {
		if check.got != check.want {
			t.Errorf("%s is %v, want %v", check.name, check.got, check.want)
		}
	}
}

func texts(c config.Config) []string {
	var out []string
	for _, v := range c.InForce() {
		out = append(out, v.Setting.Name+"="+v.Text)
	}
	return out
}

func TestEverySettingIsReadFromEnvironmentAndFlag(t *testing.T) {
	given := map[string]string{
		"WORKER_QUEUE_URL": fifoQueue, "WORKER_DLQ_URL": "http://127.0.0.1:9324/000000000000/dead.fifo",
		"WORKER_CONCURRENCY": "3", "WORKER_POLLERS": "2", "WORKER_WAIT_TIME": "5s", "WORKER_VISIBILITY_TIMEOUT": "45s",
		"WORKER_MAX_HELD": "100", "WORKER_MAX_HELD_BYTES": "20MiB", "WORKER_RATE_START": "2.5", "WORKER_RATE_MAX": "50",
		"WORKER_CALL_TIMEOUT": "1s", "WORKER_RETRY_BASE": "100ms", "WORKER_RETRY_MAX": "3s", "WORKER_RETRY_ATTEMPTS": "2",
		"WORKER_MAX_RECEIVES": "7", "WORKER_MAX_EVENT_AGE": "3d", "WORKER_STATE": "memory", "WORKER_STATE_BYTES": "5MiB", "WORKER_DEDUP_TTL": "1h",
		"WORKER_VERSION_TTL": "36h", "WORKER_SKIP_UNCHANGED": "1h30m", "WORKER_MEMBER_SEMANTICS": "merge",
		"WORKER_SHUTDOWN_TIMEOUT": "50s", "WORKER_ADMIN_ADDR": "127.0.0.1:9", "WORKER_ADMIN_TOKEN": "s3cret",
		"WORKER_ADMIN_HOSTS": "worker.example.com worker_1",
		"WORKER_LOG_LEVEL":   "debug", "WORKER_LOG_FORMAT": "console",
	}
	flags := make(map[string]string)
	for _, s := range config.Settings {
		if given[s.Name] == "" {
			t.Errorf("%s is not in this test", s.Name)
		}
		flags[s.Flag()] = given[s.Name]
	}
	for source, load := range map[config.Source]func() (config.Config, error){
		config.FromEnvironment: func() (config.Config, error) { return config.Load(environment(given), nil) },
		config.FromFlag:        func() (config.Config, error) { return config.Load(with("WORKER_CONCURRENCY", "9"), flags) },
	} {
		c, err := load()
		if err != nil {
			t.Errorf("%s: %v", source, err)
		}
		for _, v := range c.InForce() {
			want := given[v.Setting.Name]
			if v.Setting.Secret {
				want = "(hidden)"
			}
			if v.Text != want || v.Source != source {
				t.Errorf("%s: %s is %q from %s, want %q", source, v.Setting.Name, v.Text, v.Source, want)
			}
		}
		if c.AdminToken != "s3cret" || c.MaxEventAge != 72*time.Hour || c.MaxHeldBytes != 20<<20 || c.VersionTTL != 36*time.Hour {
			t.Errorf("%s: values went to the wrong fields: %+v", source, texts(c))
		}
	}
}

func TestWrongValues(t *testing.T) {
	for name, values := range map[string][]string{
		"WORKER_QUEUE_URL":          {"updates", "ftp://host/1/q", "https://sqs.eu-west-1.amazonaws.com", "arn:aws:sqs:eu-west-1:1:q", queue + "?a=b", "https://u:p@host/1/q", "http://[::1"},
		"WORKER_DLQ_URL":            {queue, fifoQueue, "dead"},
		"WORKER_CONCURRENCY":        {"0", "-1", "1.5", "abc", "10001", "6 4", "99999999999999999999"},
		"WORKER_POLLERS":            {"0", "101"},
		"WORKER_WAIT_TIME":          {"21s", "1500ms", "-1s", "20", "forever"},
		"WORKER_VISIBILITY_TIMEOUT": {"0", "12h1s", "1.5s", "120"},
		"WORKER_MAX_HELD":           {"9", "120001"},
		"WORKER_MAX_HELD_BYTES":     {"10MB", "10485759", "64Mi", "-64MiB", "1.5GiB", "MiB", "9999999999TiB"},
		"WORKER_RATE_START":         {"0", "-1", "NaN", "Inf", "1e9", "ten"},
		"WORKER_RATE_MAX":           {"-1", "0.01", "inf"},
		"WORKER_CALL_TIMEOUT":       {"0", "99ms", "6m"},
		"WORKER_RETRY_BASE":         {"0", "2h", "21s"},
		"WORKER_RETRY_MAX":          {"0", "100ms", "2h"},
		"WORKER_RETRY_ATTEMPTS":     {"0", "1001"},
		"WORKER_MAX_RECEIVES":       {"0"},
		"WORKER_MAX_EVENT_AGE":      {"1s", "28", "28days", "1d2d", "1.5h2d", "d", "4000d", "9999999999999d"},
		"WORKER_STATE_BYTES":        {"0", "1MB", "1048575", "64Mi", "1.5GiB"},
		"WORKER_STATE":              {"Memory", "file", "dynamodb", "dynamodb://", "dynamodb://ab", "dynamodb://a/b", "redis://", "redis://user:pw@", "redis://h/x", "redis://h/1/2", "redis://u:p/w@h", "rediss://h:x", "redis://h#1", "unix://h"},
		"WORKER_DEDUP_TTL":          {"0", "59s"},
		"WORKER_VERSION_TTL":        {"0"},
		"WORKER_SKIP_UNCHANGED":     {"1ms", "true"},
		"WORKER_MEMBER_SEMANTICS":   {"replaced", "MERGE"},
		"WORKER_SHUTDOWN_TIMEOUT":   {"24s", "4s", "2h"},
		"WORKER_ADMIN_ADDR":         {"8080", "localhost", ":http", ":70000", "::1:80"},
		"WORKER_ADMIN_TOKEN":        {"two words", "tök"},
		"WORKER_ADMIN_HOSTS":        {"http://worker", "worker:8080", "*.example.com", "worker,other", ".", "wörker"},
		"WORKER_LOG_LEVEL":          {"trace", "INFO"},
		"WORKER_LOG_FORMAT":         {"text"},
	} {
		for _, value := range values {
			_, err := config.Load(with(name, value), nil)
			if err == nil {
				t.Errorf("%s=%s was accepted", name, value)
				continue
			}
			found := faults(t, err)
			// WORKER_RETRY_BASE above WORKER_RETRY_MAX is a fault of the pair.
			if len(found) != 1 || found[0].Name != name && value != "21s" {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := config.Load(environment(map[string]string{
		"WORKER_CONCURRENCY": "many",
		"WORKER_WAIT_TIME":   "1m",
		"WORKER_LOG_LEVEL":   "loud",
	}), map[string]string{"retry-attempts": "0", "no-such": "1"})
	got := make([]string, 0, 6)
	for _, f := range faults(t, err) {
		got = append(got, f.Name)
	}
	want := []string{"WORKER_QUEUE_URL", "WORKER_CONCURRENCY", "WORKER_WAIT_TIME", "WORKER_RETRY_ATTEMPTS", "WORKER_LOG_LEVEL", "--no-such"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("faults of %v, want %v", got, want)
	}
	text := err.Error()
	for _, part := range []string{
		"6 settings are wrong:",
		`WORKER_CONCURRENCY = "many" (environment): it must be a whole number, 1 to 10000`,
		`WORKER_RETRY_ATTEMPTS = "0" (flag): it must be a whole number, 1 to 1000`,
		`WORKER_LOG_LEVEL = "loud" (environment): it must be one of debug, info, warn, error`,
		"WORKER_QUEUE_URL: it is required",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
}

func TestNoCredentialInAFault(t *testing.T) {
	for name, value := range map[string]string{
		"WORKER_ADMIN_TOKEN": "hunter2 hunter2",
		"WORKER_STATE":       "redis://admin:hunter2@cache:6379/zero",
		"WORKER_QUEUE_URL":   "https://key:hunter2@sqs/1/q",
		"WORKER_DLQ_URL":     "https://sqs/1/q?X-Amz-Signature=hunter2",
		"WORKER_ADMIN_ADDR":  "hunter2@localhost",
	} {
		_, err := config.Load(with(name, value), nil)
		if len(faults(t, err)) == 0 || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLongValueIsCut(t *testing.T) {
	_, err := config.Load(with("WORKER_CONCURRENCY", strings.Repeat("ü", 10_000)), nil)
	if text := err.Error(); len(text) > 500 {
		t.Errorf("%d bytes: %.300s", len(text), text)
	}
}

func TestEmptyIsTheDefault(t *testing.T) {
	c, err := config.Load(with("WORKER_CONCURRENCY", " ", "WORKER_ADMIN_ADDR", "", "WORKER_DLQ_URL", "https://sqs/1/dead", "WORKER_POLLERS", " 7\n"),
		map[string]string{"dlq-url": ""})
	if err != nil {
		t.Fatal(err)
	}
	if c.Concurrency != 64 || c.AdminAddr != "" || c.DLQURL != "" || c.Pollers != 7 {
		t.Errorf("%v", texts(c))
	}
}

func TestRulesBetweenSettings(t *testing.T) {
	for _, test := range []struct {
		name  string
		pairs []string
		rule  string // part of the only fault; empty: accepted
	}{
		{"longer wait, longer shutdown", []string{"WORKER_WAIT_TIME", "10s", "WORKER_SHUTDOWN_TIMEOUT", "15s"}, ""},
		{"shutdown too short", []string{"WORKER_WAIT_TIME", "10s", "WORKER_SHUTDOWN_TIMEOUT", "14s"}, "at least WORKER_WAIT_TIME + 5s, which is 15s"},
		{"a wrong wait time is not held against the shutdown", []string{"WORKER_WAIT_TIME", "30s", "WORKER_SHUTDOWN_TIMEOUT", "6s"}, "whole seconds, 0s to 20s"},
		{"retry", []string{"WORKER_RETRY_BASE", "2s", "WORKER_RETRY_MAX", "1s"}, "at least WORKER_RETRY_BASE, which is 2s"},
		{"rate", []string{"WORKER_RATE_START", "20", "WORKER_RATE_MAX", "10"}, "at most WORKER_RATE_MAX, which is 10"},
		{"a ceiling below the default start", []string{"WORKER_RATE_MAX", "2"}, ""},
		{"same queue", []string{"WORKER_DLQ_URL", queue}, "another queue"},
		{"FIFO and standard", []string{"WORKER_DLQ_URL", fifoQueue}, "FIFO queue must be a FIFO queue"},
	} {
		c, err := config.Load(with(test.pairs...), nil)
		if test.rule == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			if c.RateMax > 0 && c.RateStart > c.RateMax {
				t.Errorf("%s: starts at %v above %v", test.name, c.RateStart, c.RateMax)
			}
			continue
		}
		if found := faults(t, err); len(found) != 1 || !strings.Contains(found[0].Rule, test.rule) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestNoCredentialInAWrongState(t *testing.T) {
	for _, state := range []string{"redis://:hunter2", "redis://user:hun/ter2@cache", "redis://user:hunter2@", "rediss://hunter2:hunter2", "redis://cache/hunter2"} {
		_, err := config.Load(with("WORKER_STATE", state), nil)
		if len(faults(t, err)) != 1 || strings.Contains(err.Error(), "ter2") {
			t.Errorf("%s: %v", state, err)
		}
	}
}

func TestState(t *testing.T) {
	for state, want := range map[string]struct {
		kind, name string
		versions   time.Duration
	}{
		"memory":            {config.StateMemory, "memory", 24 * time.Hour},
		"dynamodb://things": {config.StateDynamoDB, "dynamodb://things", 35 * 24 * time.Hour},
		"redis://cache":     {config.StateRedis, "redis://cache", 35 * 24 * time.Hour},
		"rediss://user:hunter2@cache:6380/2?addr=a:1&addr=b:2": {config.StateRedis, "rediss://cache:6380/2", 35 * 24 * time.Hour},
	} {
		c, err := config.Load(with("WORKER_STATE", state), nil)
		if err != nil {
			t.Errorf("%s: %v", state, err)
			continue
		}
		if c.State != state || c.StateKind() != want.kind || c.StateName() != want.name || c.VersionTTL != want.versions {
			t.Errorf("%s is %s, called %s, remembers for %v", state, c.StateKind(), c.StateName(), c.VersionTTL)
		}
		if strings.Contains(strings.Join(texts(c), " "), "hunter2") {
			t.Errorf("%s: the password is shown", state)
		}
	}
}
