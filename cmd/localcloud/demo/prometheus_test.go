package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"managed-thing-updater/internal/standin"
)

// still are the series that may stay at 0 in a run of the demo, and why.
var still = map[string]string{
	`worker_messages_received_again_total`:                                            "no message is received twice while it is held",
	`worker_messages_settled_total{outcome="unchanged"}`:                              "every message of the fleet sets something",
	`worker_messages_settled_total{outcome="released"}`:                               "nothing is given back before the end",
	`worker_dead_letters_total{reason="not_found"}`:                                   "written a minute after the message was sent",
	`worker_dead_letters_total{reason="denied"}`:                                      "the demo's API denies nothing",
	`worker_dead_letters_total{reason="exhausted"}`:                                   "failures pass sooner",
	`worker_dead_letters_total{reason="received_too_often"}`:                          "no message is received often",
	`worker_dead_letters_without_time_total`:                                          "every letter has room",
	`worker_event_times_ignored_total{why="unreadable"}`:                              "every clock of the fleet writes a time",
	`worker_possible_stale_writes_total`:                                              "one replica",
	`worker_api_calls_total{result="too_large"}`:                                      "no message is that large",
	`worker_api_calls_total{result="denied"}`:                                         "as above",
	`worker_api_calls_total{result="conflict"}`:                                       "the demo's API has no conflicts",
	`worker_api_calls_total{result="internal"}`:                                       "its only failure is 503",
	`worker_api_calls_total{result="timeout"}`:                                        "as above",
	`worker_api_calls_total{result="connection"}`:                                     "as above",
	`worker_api_calls_total{result="caller"}`:                                         "as above",
	`worker_api_calls_total{result="other"}`:                                          "as above",
	`worker_failed_attempts_total{counted="trouble"}`:                                 "nine calls of ten succeed",
	`worker_failed_attempts_total{counted="no_evidence"}`:                             "there is always other traffic, but at the start",
	`worker_circuit_opened_total`:                                                     "no outage",
	`worker_circuit_open`:                                                             "no outage",
	`worker_things_without_evidence`:                                                  "as above",
	`worker_leases_lost_total`:                                                        "every lease is renewed in time",
	`worker_messages_stranded_total`:                                                  "counted at the end, when nobody scrapes any more",
	`worker_polls_cut_total`:                                                          "as above",
	`worker_sqs_requests_total{action="ChangeMessageVisibilityBatch",result="error"}`: "SQS does not fail in the demo",
	`worker_sqs_requests_total{action="DeleteMessageBatch",result="error"}`:           "as above",
	`worker_sqs_requests_total{action="GetQueueAttributes",result="error"}`:           "as above",
	`worker_sqs_requests_total{action="GetQueueUrl",result="error"}`:                  "as above",
	`worker_sqs_requests_total{action="ReceiveMessage",result="error"}`:               "as above",
	`worker_sqs_requests_total{action="SendMessageBatch",result="error"}`:             "as above",
	`worker_sqs_errors_total`:                                                         "as above",
	`worker_dead_letters_put_off_total`:                                               "every letter is stored",
	`worker_messages_let_go_total`:                                                    "every delete succeeds",
	`worker_messages_undeleted`:                                                       "as above",
	`worker_dead_letters_unstored`:                                                    "as above",
	`worker_log_lines_dropped_total`:                                                  "the log is read",
	`worker_messages_damaged_total`:                                                   "every message arrives whole",
	`worker_state_clock_ahead_seconds`:                                                "the state is in memory",
	`worker_state_forgotten_total`:                                                    "there is room for all things",
	`worker_state_operations_total{operation="acquire",result="error"}`:               "the state is in memory",
	`worker_state_operations_total{operation="acquire",result="held"}`:                "one replica",
	`worker_state_operations_total{operation="finish",result="error"}`:                "the state is in memory",
	`worker_state_operations_total{operation="finish",result="lost"}`:                 "one replica",
	`messaging_client_operation_duration_seconds{error_type="error"}`:                 "as above",
	`messaging_process_duration_seconds{error_type="denied"}`:                         "as the dead letters",
	`messaging_process_duration_seconds{error_type="exhausted"}`:                      "as the dead letters",
	`messaging_process_duration_seconds{error_type="not_found"}`:                      "as the dead letters",
	`messaging_process_duration_seconds{error_type="received_too_often"}`:             "as the dead letters",
}

// TestPrometheusScrapesTheDemo runs the demo as make run does and lets a real
// Prometheus look at its worker: what it stores must be all that moves in a run.
func TestPrometheusScrapesTheDemo(t *testing.T) {
	standin.NeedCommand(t, "prometheus", "apt-get install prometheus")
	t.Parallel()
	dir := t.TempDir()
	for _, program := range []string{"worker", "localcloud/demo"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "managed-thing-updater/cmd/"+program)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
	}
	target := startDemo(t, dir)
	api := startPrometheus(t, dir, target)

	var waiting []string
	for end := time.Now().Add(90 * time.Second); ; time.Sleep(time.Second) {
		moved := scraped(t, api)
		waiting = slices.DeleteFunc(slices.Sorted(maps.Keys(moved)), func(series string) bool { return moved[series] || excused(series) })
		if len(moved) > 0 && len(waiting) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("of %d series these have not moved:\n%s", len(moved), strings.Join(waiting, "\n"))
		}
	}
	for excuse := range still {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(scraped(t, api))), func(series string) bool { return covers(excuse, series) }) {
			t.Errorf("there is no series %s", excuse)
		}
	}
}

// startDemo returns the address on which its worker serves metrics.
func startDemo(t *testing.T, dir string) string {
	t.Helper()
	demo := exec.CommandContext(t.Context(), filepath.Join(dir, "demo"), "--worker", filepath.Join(dir, "worker"),
		"--addr", "127.0.0.1:0", "--quota", "20", "--unavailable", "0.05", "--things", "60", "--burst", "300")
	// Short leases, so that some are renewed, and short polls, so that some bring nothing.
	demo.Env = append(os.Environ(), "WORKER_WAIT_TIME=0", "WORKER_VISIBILITY_TIMEOUT=4s")
	demo.Cancel = func() error { return demo.Process.Signal(syscall.SIGTERM) } // it stops its worker
	demo.WaitDelay = 40 * time.Second
	out, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	admin := regexp.MustCompile(`http://(\S+)/metrics`)
	for lines.Scan() {
		found := admin.FindStringSubmatch(lines.Text())
		if found == nil {
			continue
		}
		read := make(chan struct{})
		go func() {
			defer close(read)
			for lines.Scan() {
			}
		}()
		t.Cleanup(func() {
			<-read // the context of the test has ended, and the demo with it
			_ = demo.Wait()
		})
		return found[1]
	}
	t.Fatalf("the demo did not say where its worker is: %v", lines.Err())
	return ""
}

// startPrometheus returns the URL of its API.
func startPrometheus(t *testing.T, dir, target string) string {
	t.Helper()
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 500ms, scrape_timeout: 500ms}\nscrape_configs:\n- {job_name: worker, static_configs: [{targets: [%q]}]}\n", target)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	var said bytes.Buffer
	prometheus := exec.CommandContext(t.Context(), "prometheus", "--config.file", config,
		"--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", addr, "--log.level", "warn")
	prometheus.Stderr = &said
	if err := prometheus.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := prometheus.Wait(); t.Failed() {
			t.Logf("prometheus: %v\n%s", err, said.String())
		}
	})
	return "http://" + addr
}

// scraped asks Prometheus for all it has of the worker: each series, but for the
// buckets of histograms, and whether it was ever other than 0.
func scraped(t *testing.T, api string) map[string]bool {
	t.Helper()
	resp, err := http.Get(api + "/api/v1/query?query=" + url.QueryEscape(`{job="worker"}[10m]`))
	if err != nil {
		return nil // not up yet
	}
	defer resp.Body.Close()
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Values [][2]any
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		return nil
	}
	moved := make(map[string]bool)
	for _, series := range answer.Data.Result {
		name := series.Metric["__name__"]
		ours := strings.HasPrefix(name, "worker_") || strings.HasPrefix(name, "messaging_")
		if !ours || strings.HasSuffix(name, "_bucket") || strings.HasSuffix(name, "_sum") {
			continue
		}
		key := nameOf(strings.TrimSuffix(name, "_count"), series.Metric)
		moved[key] = slices.ContainsFunc(series.Values, func(v [2]any) bool { return v[1] != "0" && v[1] != "NaN" })
	}
	return moved
}

// nameOf writes a series as Prometheus does, without the labels that say where it
// was scraped.
func nameOf(name string, labels map[string]string) string {
	var pairs []string
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if label != "__name__" && label != "job" && label != "instance" {
			pairs = append(pairs, fmt.Sprintf("%s=%q", label, labels[label]))
		}
	}
	if len(pairs) == 0 {
		return name
	}
	return name + "{" + strings.Join(pairs, ",") + "}"
}

func excused(series string) bool {
	for excuse := range still {
		if covers(excuse, series) {
			return true
		}
	}
	return false
}

// covers reports whether a series has the name and the labels that an excuse
// speaks of; one without labels speaks of all.
func covers(excuse, series string) bool {
	name, labels, _ := strings.Cut(strings.TrimSuffix(excuse, "}"), "{")
	of, all, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
	return name == of && strings.Contains(all, labels)
}
