package e2e

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"managed-thing-updater/internal/app"
	"managed-thing-updater/internal/config"
	"managed-thing-updater/internal/localcloud"
)

// severed is a transport that loses its network: what is under way breaks, which the
// service may have done all the same, and nothing connects any more.
type severed struct {
	http.RoundTripper
	gone chan struct{}
	once sync.Once
}

func (s *severed) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case <-s.gone:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	default:
	}
	type answer struct {
		response *http.Response
		err      error
	}
	answers := make(chan answer, 1)
	go func() {
		response, err := s.RoundTripper.RoundTrip(req)
		answers <- answer{response, err}
	}()
	select {
	case a := <-answers:
		return a.response, a.err
	case <-s.gone:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	case <-req.Context().Done():
		return nil, context.Cause(req.Context())
	}
}

func (s *severed) sever() { s.once.Do(func() { close(s.gone) }) }

func (r *rig) startSeverable() (*worker, *severed) {
	r.t.Helper()
	s := &severed{RoundTripper: r.cloud.Transport(), gone: make(chan struct{})}
	return r.start(func(o *app.Options) { o.Transport = s }), s
}

func TestTheSumsAtTheEndAreTrueWhenTheNetworkGoesBeforeTheDrain(t *testing.T) {
	for _, c := range []struct {
		name     string
		after    time.Duration // of the stop
		pollOpen bool          // still: what is released goes to an open poll first
	}{
		{"with the signal", time.Millisecond, true},
		{"in the middle of the releases", 150 * time.Millisecond, true},
		{"when most is released", 250 * time.Millisecond, false},
	} {
		l := layout{settings: func(s *config.Config) { s.MaxHeld, s.RateStart, s.RateMax = 320, 1, 1 }}
		subtest(t, c.name, l, func(t *testing.T, r *rig) {
			w, network := r.startSeverable()
			r.until("a poll waits", time.Minute, func() bool { return w.Status().SQS.PollsOpen == 1 })
			r.sendTenant(300)
			r.until("most are held, and a poll waits", time.Minute, func() bool { s := w.Status(); return s.Messages.Held > 200 && s.SQS.PollsOpen == 1 })
			for _, action := range []string{"ChangeMessageVisibilityBatch", "DeleteMessageBatch"} {
				r.sqsFails(action, &localcloud.Fault{Delay: 200 * time.Millisecond})
			}
			stopped := make(chan error)
			go func() { stopped <- w.stop() }()
			time.Sleep(c.after)
			network.sever()
			err := <-stopped
			if !errors.Is(err, app.ErrStranded) {
				t.Errorf("the worker ended with %v, want ErrStranded", err)
			}
			hidden := 0
			for _, m := range r.cloud.SQS.Messages(r.queue) {
				if m.InFlight {
					hidden++
				}
			}
			all := w.logs.All()
			last := all[len(all)-1].ContextMap()
			stranded, cut := last["stranded"].(int64), last["polls_cut"].(int64)
			t.Logf("%d hidden, %d stranded, %d polls cut", hidden, stranded, cut)
			if int(stranded) < hidden || hidden == 0 {
				t.Errorf("%d messages are hidden, and the last line has stranded=%d", hidden, stranded)
			}
			if want := map[bool]int64{true: 1, false: 0}[c.pollOpen]; cut != want {
				t.Errorf("the last line has polls_cut=%d, want %d", cut, want)
			}
			w.addsUp()
			time.Sleep(time.Minute) // requests that the cloud is still at
		})
	}
}

func TestAnOpenPollWhoseAnswerIsLostWhileTheWorkerStopsIsCounted(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		r.cloud.SQS.StrandAbortedPolls = true
		w, network := r.startSeverable()
		time.Sleep(25 * time.Second) // five seconds into a long poll
		stopped := make(chan error)
		go func() { stopped <- w.stop() }()
		time.Sleep(time.Second)
		network.sever()
		r.sendNames("thing", 5) // the poll takes them along
		if err := <-stopped; !errors.Is(err, app.ErrStranded) {
			t.Errorf("the worker ended with %v, want ErrStranded", err)
		}
		w.wantLastLine("polls_cut", 1)
		w.wantLastLine("stranded", 0)
		time.Sleep(time.Minute) // the poll that the cloud is still at
	})
}

func TestAStopWhileNothingConnectsLosesNoPoll(t *testing.T) {
	inBubble(t, layout{}, func(t *testing.T, r *rig) {
		w, network := r.startSeverable()
		time.Sleep(5 * time.Second)
		network.sever()
		time.Sleep(10 * time.Minute)
		w.stopped()
		w.wantLastLine("polls_cut", 0)
		time.Sleep(time.Minute)
	})
}
