package kubernetes

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"managed-thing-updater/internal/localcloud"
)

// TestWorker runs the worker as the pod would: with the arguments and the environment of
// the manifest. Only what this machine cannot give is its own: the address, the queue's
// URL and the credentials.
func TestWorker(t *testing.T) {
	r, err := Kustomize(filepath.Join(deploy, "overlays", "dynamodb-keda"))
	if err != nil {
		t.Fatal(err)
	}
	memory, err := Kustomize(filepath.Join(deploy, "overlays", "memory"))
	if err != nil {
		t.Fatal(err)
	}
	w := newPod(t, memory)

	t.Run("starts with the manifest's environment and answers its probes", func(t *testing.T) {
		proves(t, "the worker starts with the manifest's arguments and environment, and answers its three probes")
		for _, probe := range []*corev1.Probe{w.container.StartupProbe, w.container.LivenessProbe, w.container.ReadinessProbe} {
			path := probe.HTTPGet.Path
			w.until(t, path+" is 200", func() bool { status, _ := w.get(path); return status == http.StatusOK })
		}
	})
	t.Run("applies a message", func(t *testing.T) {
		proves(t, "started so, it applies a message")
		w.cloud.SQS.Send(w.queue, localcloud.Message{Body: `{"Identifier":"lamp","Name":"Hall light"}`})
		w.until(t, "the thing has its name", func() bool {
			members, _ := w.cloud.Things.Get("lamp")
			return string(members["Name"]) == `"Hall light"`
		})
	})
	t.Run("has the metric by which KEDA caps the replicas where the PodMonitor looks", func(t *testing.T) {
		proves(t, "it has the metric by which KEDA caps the replicas, where the PodMonitor looks")
		monitor, _ := r.Of("PodMonitor")
		endpoints, _ := at(monitor, "spec", "podMetricsEndpoints").([]any)
		if len(endpoints) != 1 {
			t.Fatal("the PodMonitor has not one endpoint")
		}
		if status, page := w.get(text(endpoints[0], "path")); status != http.StatusOK || !strings.Contains(page, "\n"+UsefulReplicas+" ") {
			t.Errorf("%d, and no %s", status, UsefulReplicas)
		}
	})
	t.Run("drains on SIGTERM with exit code 0 within the grace period", func(t *testing.T) {
		proves(t, "it drains on SIGTERM with exit code 0 within the grace period")
		grace := time.Duration(*w.spec.TerminationGracePeriodSeconds) * time.Second
		if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		select {
		case <-w.done:
		case <-time.After(grace):
			t.Fatalf("it runs %v after SIGTERM:\n%s", grace, w.stderr.String())
		}
		if code := w.cmd.ProcessState.ExitCode(); code != 0 || !strings.Contains(w.stderr.String(), `"stranded":0`) {
			t.Errorf("exit code %d:\n%s", code, w.stderr.String())
		}
	})
}

// pod is the worker as a process, beside a cloud of its own.
type pod struct {
	cloud     *localcloud.Cloud
	queue     string
	spec      corev1.PodSpec
	container corev1.Container
	address   string
	cmd       *exec.Cmd
	stderr    bytes.Buffer // to be read when done is closed
	done      chan struct{}
}

func newPod(t *testing.T, r Rendering) *pod {
	t.Helper()
	var d appsv1.Deployment
	var settings corev1.ConfigMap
	for kind, typed := range map[string]any{"Deployment": &d, "ConfigMap": &settings} {
		if err := r.into(kind, typed); err != nil {
			t.Fatal(err)
		}
	}
	w := &pod{spec: d.Spec.Template.Spec, container: d.Spec.Template.Spec.Containers[0], address: freeAddress(t), done: make(chan struct{})}
	web := httptest.NewUnstartedServer(nil)
	base := "http://" + web.Listener.Addr().String()
	w.cloud = localcloud.New(localcloud.Options{BaseURL: base})
	w.queue = w.cloud.SQS.CreateQueue("updates", localcloud.QueueOptions{DLQ: w.cloud.SQS.CreateQueue("updates-dlq", localcloud.QueueOptions{})})
	web.Config.Handler = w.cloud.Handler()
	web.Start()
	t.Cleanup(web.Close)

	program := filepath.Join(t.TempDir(), "worker")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", filepath.Join("..", "..", ".."), "-o", program, "./cmd/worker")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	w.cmd = exec.Command(program, w.container.Args...)
	w.cmd.Env = []string{"HOME=/", "AWS_EC2_METADATA_DISABLED=true", "AWS_ACCESS_KEY_ID=AKIDLOCAL", "AWS_SECRET_ACCESS_KEY=local-secret"}
	for name, value := range settings.Data {
		w.cmd.Env = append(w.cmd.Env, name+"="+value)
	}
	for _, e := range w.container.Env {
		w.cmd.Env = append(w.cmd.Env, e.Name+"="+e.Value)
	}
	w.cmd.Env = append(w.cmd.Env, "AWS_ENDPOINT_URL_SQS="+base, "AWS_ENDPOINT_URL_IOT_MANAGED_INTEGRATIONS="+base,
		"WORKER_QUEUE_URL="+w.queue, "WORKER_ADMIN_ADDR="+w.address)
	w.cmd.Stderr = &w.stderr
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(w.done)
		_ = w.cmd.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(func() {
		_ = w.cmd.Process.Kill()
		<-w.done
	})
	return w
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (w *pod) get(path string) (status int, body string) {
	response, err := http.Get("http://" + w.address + path)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

// until polls for a state of another process.
func (w *pod) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		select {
		case <-w.done:
			t.Fatalf("it ended: %s\n%s", w.cmd.ProcessState, w.stderr.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
