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
	"sync"
	"syscall"
	"time"

	"managed-thing-updater/internal/glance"
)

// worker is the worker's process.
type worker struct {
	admin string // URL
	cmd   *exec.Cmd
	done  chan struct{} // closed when it has ended and all its log is read
	exit  error         // of the process; read after done

	mu   sync.Mutex
	last *sums // of its last line; nil until then
}

func startWorker(s settings, c *cloud, out *screen) (*worker, error) {
	admin, err := freeAddress("127.0.0.1:8080")
	if err != nil {
		return nil, err
	}
	w := &worker{admin: "http://" + admin, done: make(chan struct{})}
	w.cmd = exec.Command(s.worker, "run")
	w.cmd.Env = environment(os.Environ(), c, admin)
	// A group of its own: Ctrl-C in a terminal reaches the whole group, and the
	// worker would take the demo's SIGTERM for the second signal.
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := w.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("--worker: there is no %s; build it with: go build -o %[1]s ./cmd/worker", s.worker)
		}
		return nil, fmt.Errorf("--worker: %w", err)
	}
	go func() {
		defer close(w.done)
		w.readLog(log, out)
		w.exit = w.cmd.Wait()
	}()
	return w, nil
}

// environment points the worker at the local cloud. AWS settings of the person
// who runs the demo do not reach it; WORKER_ settings do, but for those here.
func environment(inherited []string, c *cloud, admin string) []string {
	own := []string{
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_REGION=" + region,
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL_SQS=" + c.base, "AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS=" + c.base,
		"WORKER_QUEUE_URL=" + c.queue, "WORKER_ADMIN_ADDR=" + admin,
		"WORKER_LOG_FORMAT=json", "WORKER_LOG_LEVEL=info", // the last line is at info
	}
	dropped := []string{"WORKER_DLQ_URL", "WORKER_ADMIN_TOKEN"}
	for _, v := range own {
		name, _, _ := strings.Cut(v, "=")
		dropped = append(dropped, name)
	}
	env := []string{"WORKER_WAIT_TIME=2s"} // a drain waits for the open polls
	for _, v := range inherited {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "AWS_") && !slices.Contains(dropped, name) {
			env = append(env, v)
		}
	}
	return append(env, own...)
}

// freeAddress is addr, or the same host with a free port where that is taken.
func freeAddress(addr string) (string, error) {
	l, err := listen(addr)
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
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
		last := new(sums)
		if err := json.Unmarshal([]byte(line), last); err != nil {
			out.workerSays("error", "its last line cannot be read: "+err.Error())
		} else {
			w.mu.Lock()
			w.last = last
			w.mu.Unlock()
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

// sums are those of the worker's last line; nil where there was none.
func (w *worker) sums() *sums {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// status asks the worker how far it is.
func (w *worker) status() (status, error) {
	var s status
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
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return s, err
	}
	if s.all, err = glance.Of(body); err != nil {
		return s, err
	}
	return s, json.Unmarshal(body, &s)
}

// patience is how long the worker may take to stop: longer than its own limit,
// unless that was set to more.
const patience = 45 * time.Second

// stop tells the worker to drain and waits until it has ended. It is killed when
// patience ends or another signal comes.
func (w *worker) stop(signals <-chan os.Signal, out *screen) {
	_ = w.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-w.done:
		return
	case sig := <-signals:
		out.say(sig.String() + " again: the worker is killed")
	case <-limit.C:
		out.say(fmt.Sprintf("the worker has not ended after %s: it is killed", patience))
	}
	_ = w.cmd.Process.Kill()
	<-w.done
}
