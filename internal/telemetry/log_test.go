package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"go.uber.org/zap"

	"managed-thing-updater/internal/telemetry"
)

func TestJSONLog(t *testing.T) {
	var out bytes.Buffer
	log, level, err := telemetry.NewLogger("info", "json", &out)
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("not yet")
	log.Error("the call failed", telemetry.Thing("lamp"), telemetry.Wait(1500*time.Millisecond), zap.Error(errors.New("no")))
	level.SetLevel(zap.DebugLevel)
	log.Debug("now")

	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines:\n%s", len(lines), out.String())
	}
	var entry map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &entry); err != nil {
		t.Fatal(err)
	}
	if ts, _ := entry["ts"].(string); !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(ts) {
		t.Errorf("ts is %q", ts)
	}
	delete(entry, "ts")
	want := map[string]any{"level": "error", "msg": "the call failed", "thing": "lamp", "wait": "1.5s", "error": "no"}
	if len(entry) != len(want) {
		t.Errorf("%v", entry)
	}
	for k, v := range want {
		if entry[k] != v {
			t.Errorf("%s is %v, want %v", k, entry[k], v)
		}
	}
	if !strings.Contains(lines[1], `"msg":"now"`) {
		t.Errorf("the level did not change: %s", lines[1])
	}
}

func TestConsoleLog(t *testing.T) {
	var out bytes.Buffer
	log, _, err := telemetry.NewLogger("warn", "console", &out)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("too quiet")
	log.Error("the call failed", telemetry.Thing("lamp"))
	if !regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3}  ERROR  the call failed  \{"thing": "lamp"\}\n$`).MatchString(out.String()) {
		t.Errorf("got %q", out.String())
	}
}

func TestNoLogFormatPrintsWhatATerminalWouldActUpon(t *testing.T) {
	const outside = "a\x1b[31mb\a\x7f\u009b\u202e\u2028\nc\xff"
	for _, format := range []string{"json", "console"} {
		var out bytes.Buffer
		log, _, err := telemetry.NewLogger("info", format, &out)
		if err != nil {
			t.Fatal(err)
		}
		log.With(telemetry.Code(outside)).Info("said: "+outside, telemetry.Thing(outside), zap.Error(errors.New(outside)))
		line := strings.TrimSuffix(out.String(), "\n")
		if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }); i >= 0 {
			t.Errorf("%s: %q", format, line[i:])
		}
		if format != "json" {
			continue
		}
		var entry map[string]string
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry["thing"] != strings.ToValidUTF8(outside, "\ufffd") || entry["msg"] != "said: "+entry["thing"] {
			t.Errorf("%v: %q", err, entry)
		}
	}
}

func TestWrongLogSettings(t *testing.T) {
	for _, test := range [][2]string{{"loud", "json"}, {"info", "xml"}} {
		if _, _, err := telemetry.NewLogger(test[0], test[1], &bytes.Buffer{}); err == nil {
			t.Errorf("%v was accepted", test)
		}
	}
}
