package redisstore_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/standin"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/redisstore"
)

// slowPath carries connections to a server. What a client sends on one that is held
// arrives when it is let go, though the client has closed it by then: as a kernel's
// retransmissions do, or a proxy.
type slowPath struct {
	url string

	mu    sync.Mutex
	conns []*slowConn
	loops sync.WaitGroup
}

type slowConn struct {
	free chan struct{} // closed while it is not held
	over chan struct{} // closed once the server has answered all, and hung up
}

func newSlowPath(t *testing.T, server string) *slowPath {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &slowPath{url: "redis://" + l.Addr().String()}
	p.loops.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("tcp", strings.TrimPrefix(server, "redis://"))
			if err != nil {
				_ = client.Close()
				continue
			}
			p.loops.Go(func() { p.carry(client, back.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.loops.Wait()
	})
	return p
}

// carry carries both ways until the client hangs up and the server has answered.
func (p *slowPath) carry(client net.Conn, server *net.TCPConn) {
	c := &slowConn{free: make(chan struct{}), over: make(chan struct{})}
	close(c.free)
	p.mu.Lock()
	p.conns = append(p.conns, c)
	p.mu.Unlock()
	p.loops.Go(func() {
		defer close(c.over)
		_, _ = io.Copy(client, server)
		_, _ = io.Copy(io.Discard, server) // answers for a client that has gone
		_, _ = client.Close(), server.Close()
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		p.mu.Lock()
		free := c.free
		p.mu.Unlock()
		<-free
		_, _ = server.Write(buffer[:n])
		if err != nil {
			_ = server.CloseWrite()
			return
		}
	}
}

// hold holds the connections that are open now. What it returns lets them go, and waits
// until the server has done what came on them.
func (p *slowPath) hold() (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var held []*slowConn
	free := make(chan struct{})
	for _, c := range p.conns {
		select {
		case <-c.over:
			continue
		case <-c.free:
		default:
			continue // held already
		}
		c.free = free
		held = append(held, c)
	}
	return func() {
		close(free)
		for _, c := range held {
			<-c.over
		}
	}
}

// The whole way: the worker's store, go-redis with its retries, a path that is slow
// for a second, and a Redis 7.
func TestAPathThatWasSlowDoesNotBringAnOldRecordBack(t *testing.T) {
	t.Parallel()
	url := standin.Redis().ForTest(t)
	path := newSlowPath(t, url)
	open := func(url string) *thingstate.Shared {
		table, err := redisstore.New(redisstore.Options{URL: url, Connections: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = table.Close() })
		return thingstate.NewShared(table, thingstate.SharedOptions{})
	}
	slow, other := open(path.url), open(url)
	const lease = time.Second
	acquire := func(s *thingstate.Shared, thing string) (thingstate.Record, thingstate.Lease) {
		t.Helper()
		r, l, err := s.Acquire(t.Context(), thing, lease, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r, l
	}
	applied := func(value byte) thingstate.Result {
		at := time.Unix(int64(value), 0)
		return thingstate.Result{Call: thingstate.Succeeded, Applied: []thingstate.Version{
			{Member: "Name", Digest: thingstate.Digest{value}, Order: &message.Order{EventTime: at, SentAt: at, MessageID: "m"}},
		}}
	}
	finish := func(s *thingstate.Shared, l thingstate.Lease, value byte) {
		t.Helper()
		if err := s.Finish(t.Context(), l, applied(value)); err != nil {
			t.Fatal(err)
		}
	}
	_, l := acquire(slow, "another") // its connection is open, its scripts are known
	finish(slow, l, 9)

	releaseTake := path.hold()
	_, l = acquire(slow, "lamp") // its first try is on its way, its second one succeeds
	releasePut := path.hold()
	finish(slow, l, 1) // the same
	_, l = acquire(other, "lamp")
	finish(other, l, 2)

	releaseTake()
	releasePut()
	time.Sleep(lease + 100*time.Millisecond) // what the late Take may have begun
	r, _ := acquire(other, "lamp")
	if v, _ := r.Version("Name"); v.Digest != (thingstate.Digest{2}) {
		t.Errorf("the record says that value %d was applied last, want 2", v.Digest[0])
	}
}
