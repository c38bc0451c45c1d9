package standin

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy stands between a client and a server, and breaks their connections when
// told to.
type Proxy struct {
	URL string // the server's, but for the address

	target   string
	listener net.Listener
	loops    sync.WaitGroup

	mu    sync.Mutex // guards all below
	lose  int
	down  bool
	conns map[net.Conn]bool
}

// NewProxy starts a proxy to the server at a URL, until the end of the test.
func NewProxy(t testing.TB, server string) *Proxy {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: u.Host, listener: l, conns: map[net.Conn]bool{}}
	u.Host = l.Addr().String()
	p.URL = u.String()
	p.loops.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.Down(true)
		p.loops.Wait()
	})
	return p
}

// Lose drops the next n answers of the server, with their connections, below 0 all
// of them until it is told otherwise: what they answer was carried out.
func (p *Proxy) Lose(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose = n
}

// Down breaks every connection and takes no new one, until it is told otherwise.
func (p *Proxy) Down(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	if down {
		for c := range p.conns {
			_ = c.Close()
		}
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.add(client, server) {
			continue
		}
		p.loops.Go(func() { p.carry(client, server, func() bool { return false }) })
		p.loops.Go(func() { p.carry(server, client, p.drops) })
	}
}

// add keeps both ends of a connection, or closes them if the proxy is down.
func (p *Proxy) add(ends ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range ends {
		if p.down {
			_ = c.Close()
		} else {
			p.conns[c] = true
		}
	}
	return !p.down
}

// carry carries bytes until one end closes or drops says that they are lost. It
// closes both.
func (p *Proxy) carry(from, to net.Conn, drops func() bool) {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range []net.Conn{from, to} {
			_ = c.Close()
			delete(p.conns, c)
		}
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && drops() {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// drops reports whether an answer that came is lost.
func (p *Proxy) drops() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lose == 0 {
		return false
	}
	p.lose--
	return true
}
