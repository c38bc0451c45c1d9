package config_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"managed-thing-updater/internal/config"
)

func TestTableIsComplete(t *testing.T) {
	name := regexp.MustCompile(`^WORKER_[A-Z]+(_[A-Z]+)*$`)
	seen := make(map[string]bool)
	for _, s := range config.Settings {
		if !name.MatchString(s.Name) || seen[s.Name] {
			t.Errorf("%s: not a name, or twice", s.Name)
		}
		seen[s.Name] = true
		if s.Doc == "" || s.Unit == "" || s.Allowed == "" {
			t.Errorf("%s: doc, unit or bounds are missing", s.Name)
		}
		if !s.Required && s.Default == "" && s.DefaultWords == "" {
			t.Errorf("%s: the default is missing", s.Name)
		}
	}
	fields := 0
	for field := range reflect.TypeFor[config.Config]().Fields() {
		if field.IsExported() {
			fields++
		}
	}
	if len(config.Settings) != fields {
		t.Errorf("%d settings for %d fields", len(config.Settings), fields)
	}
}

func TestDocumentHasNotDrifted(t *testing.T) {
	onDisk, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(onDisk) != string(config.Markdown()) {
		t.Error("docs/settings.md is not what the table says; run: make docs")
	}
}

func TestWarnings(t *testing.T) {
	got := config.Warnings([]string{
		"PATH=/bin", "WORKER_QUEUE_URL=x", "WORKERS=3", "WORKER_CONCURENCY=hunter2", "WORKER_ZZZZZZZZZZZZZZZZ=1",
		// What Kubernetes puts there for services named worker and worker-admin.
		"WORKER_SERVICE_HOST=10.0.0.1", "WORKER_SERVICE_PORT=8080", "WORKER_SERVICE_PORT_HTTP=8080", "WORKER_PORT=tcp://10.0.0.1:8080",
		"WORKER_PORT_8080_TCP=tcp://10.0.0.1:8080", "WORKER_PORT_8080_TCP_PROTO=tcp", "WORKER_ADMIN_SERVICE_HOST=10.0.0.1", "WORKER_ADMIN_PORT_80_TCP_ADDR=10.0.0.1",
	})
	want := []string{
		"WORKER_CONCURENCY is no setting of the worker and has no effect; did you mean WORKER_CONCURRENCY?",
		"WORKER_ZZZZZZZZZZZZZZZZ is no setting of the worker and has no effect",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
