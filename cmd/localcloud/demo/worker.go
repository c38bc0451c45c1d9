package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"managed-thing-updater/cmd/localcloud/internal/harness"
	"managed-thing-updater/internal/status"
)

// worker is the worker's process.
type worker struct {
	*harness.Child
	admin string       // URL
	sums  *status.Sums // of its last line; read after it ended; nil if there was none
}

func startWorker(s settings, c *cloud, out *screen) (*worker, error) {
	admin, err := harness.FreeAddress("127.0.0.1:8080")
	if err != nil {
		return nil, err
	}
	w := &worker{admin: "http://" + admin}
	cmd := exec.Command(s.worker, "run")
	cmd.Env = environment(os.Environ(), c, admin)
	log, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if w.Child, err = harness.Start(cmd, func() { w.readLog(log, out) }); err != nil {
		return nil, fmt.Errorf("--worker: %w", err)
	}
	return w, nil
}

// environment is the worker's. WORKER_ settings of the person who runs the demo reach
// it, but for those here.
func environment(inherited []string, c *cloud, admin string) []string {
	env := []string{"WORKER_WAIT_TIME=2s"} // a drain waits for the open polls
	return c.Environment(append(env, inherited...), c.queue,
		"WORKER_ADMIN_ADDR="+admin, "WORKER_LOG_FORMAT=json", "WORKER_LOG_LEVEL=info", // the last line is at info
		"WORKER_DLQ_URL=", "WORKER_ADMIN_TOKEN=")
}

// readLog shows the lines that matter, and takes the sums from the last one.
func (w *worker) readLog(log io.Reader, out *screen) {
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimRight(line, "\n"); line != "" {
			w.readLine(line, out)
		}
		if err != nil {
			return
		}
	}
}

func (w *worker) readLine(line string, out *screen) {
	var entry map[string]any
	if json.Unmarshal([]byte(line), &entry) != nil {
		out.workerSays("", line)
		return
	}
	level, _ := entry["level"].(string)
	if entry["msg"] == "stopped" {
		last := new(status.Sums)
		if err := json.Unmarshal([]byte(line), last); err != nil {
			out.workerSays("error", "its last line cannot be read: "+err.Error())
		} else {
			w.sums = last
		}
	}
	message, _ := entry["msg"].(string)
	if level != "info" && level != "debug" || strings.HasPrefix(message, "circuit") {
		out.workerSays(level, words(entry))
	}
}

// words is a log entry for people: the message, then the fields by name.
func words(entry map[string]any) string {
	var fields []string
	for name, value := range entry {
		switch name {
		case "msg", "level", "ts":
		default:
			text, isText := value.(string)
			if !isText {
				raw, _ := json.Marshal(value)
				text = string(raw)
			} else if strings.ContainsAny(text, " \"\n") {
				text = fmt.Sprintf("%q", text)
			}
			fields = append(fields, name+"="+text)
		}
	}
	slices.Sort(fields)
	return strings.Join(append([]string{fmt.Sprint(entry["msg"])}, fields...), "  ")
}

// status asks the worker how far it is.
func (w *worker) status() (status.Status, error) {
	var s status.Status
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.admin+"/status", nil)
	if err != nil {
		return s, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		var refused *net.OpError
		if errors.As(err, &refused) {
			return s, errors.New("the worker does not answer yet")
		}
		return s, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("/status: %s", resp.Status)
	}
	return s, json.NewDecoder(resp.Body).Decode(&s)
}
