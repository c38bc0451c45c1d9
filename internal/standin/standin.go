// Package standin starts servers that this project did not write, for tests and
// benchmarks: each on a free port of 127.0.0.1, as a process that ends with the
// one that started it, however that ends.
package standin

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Kind is one kind of server.
type Kind struct {
	Name    string
	Install string // how one gets it, in words
	Missing string // what of it is missing here, in words; empty if it is there

	// command writes a line that listening matches once it listens, and ends with
	// its standard input. Its URL is what matches, or else the command's own.
	command   func() (command []string, url string, err error)
	dir       string
	listening *regexp.Regexp
}

var httpAddress = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`)

// untilInputEnds runs a command line whose server knows no such end: the shell
// stops it, and ends with it if it ends by itself.
func untilInputEnds(line string) []string {
	return []string{"sh", "-c", `exec 3<&0; ` + line + ` & server=$!; { cat <&3; kill $server; } >/dev/null 2>&1 & wait $server; kill $! 2>/dev/null`}
}

// Fauxqs is an SQS on Node.js.
func Fauxqs() Kind { return onNode("fauxqs") }

// Dynalite is a DynamoDB on Node.js.
func Dynalite() Kind { return onNode("dynalite") }

func onNode(name string) Kind {
	k := Kind{
		Name: name, dir: filepath.Join(root(), "test", name), listening: httpAddress,
		Install: "install Node.js 18.19 or later with npm, then run npm ci in test/" + name,
		command: func() ([]string, string, error) { return []string{"node", "serve.mjs"}, "", nil },
	}
	if _, err := exec.LookPath("node"); err != nil {
		k.Missing = "no node command"
	} else if _, err := os.Stat(filepath.Join(k.dir, "node_modules", name)); err != nil {
		k.Missing = "test/" + name + " is not installed"
	}
	return k
}

// Moto is most of AWS, SQS and DynamoDB among it, in Python.
func Moto() Kind {
	k := Kind{
		Name: "moto", listening: httpAddress, Install: "pip install 'moto[server]'",
		command: func() ([]string, string, error) {
			return untilInputEnds("moto_server -H 127.0.0.1 -p 0"), "", nil
		},
	}
	return k.needing("moto_server")
}

// Redis is Redis itself, with further arguments for it.
func Redis(arguments ...string) Kind { return likeRedis("redis", arguments) }

// Valkey is what Redis became elsewhere, with further arguments for it.
func Valkey(arguments ...string) Kind { return likeRedis("valkey", arguments) }

// RedisDatabases is how many databases a Redis or Valkey of this package has.
const RedisDatabases = 1000

func likeRedis(name string, arguments []string) Kind {
	program := name + "-server"
	k := Kind{
		Name: name, listening: regexp.MustCompile(`Ready to accept connections`),
		Install: "install the package " + program + " of your system (in Debian 12, valkey-server is among the backports)",
		command: func() ([]string, string, error) {
			port, err := freePort() // it takes 0 for none
			line := fmt.Sprintf("%s --bind 127.0.0.1 --port %d --save '' --appendonly no --databases %d --dir %q", program, port, RedisDatabases, os.TempDir())
			if len(arguments) > 0 {
				line += ` "` + strings.Join(arguments, `" "`) + `"`
			}
			return untilInputEnds(line), fmt.Sprintf("redis://127.0.0.1:%d", port), err
		},
	}
	return k.needing(program)
}

func (k Kind) needing(program string) Kind {
	if _, err := exec.LookPath(program); err != nil {
		k.Missing = "no " + program + " command"
	}
	return k
}

// root is the project's own folder, found from the folder of a test or of make.
func root() string {
	dir, err := os.Getwd()
	if err != nil {
		return "."
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Server is one that runs. Stop it.
type Server struct {
	URL string // http://127.0.0.1:PORT or redis://127.0.0.1:PORT

	process *exec.Cmd
	stdin   io.Closer
	read    chan struct{} // closed when all its output is read

	mu   sync.Mutex
	said []string // the last lines of its output
}

// lastLines is how many lines of a server's output are kept.
const lastLines = 20

// Said is the last that the server wrote, and how it ended if it was stopped.
func (s *Server) Said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := strings.Join(s.said, "\n")
	if s.process.ProcessState != nil {
		text += "\nended with " + s.process.ProcessState.String()
	}
	return text
}

// startsWithin bounds a server's start, on a machine that does much else.
const startsWithin = time.Minute

// starts bounds how often a server is started that ends at once: the free port that
// was chosen for it may be taken by then.
const starts = 5

// errEnded is why a server does not listen that ended by itself.
var errEnded = errors.New("it ended at its start")

// Start starts a server and returns when it listens.
func (k Kind) Start(ctx context.Context) (*Server, error) {
	if k.Missing != "" {
		return nil, fmt.Errorf("%s: %s: %s", k.Name, k.Missing, k.Install)
	}
	for n := 1; ; n++ {
		s, err := k.start(ctx)
		if n == starts || !errors.Is(err, errEnded) {
			return s, err
		}
	}
}

func (k Kind) start(ctx context.Context) (*Server, error) {
	command, url, err := k.command()
	if err != nil {
		return nil, err
	}
	s := &Server{process: exec.Command(command[0], command[1:]...), read: make(chan struct{})}
	s.process.Dir = k.dir
	s.process.Env = append(os.Environ(), "PYTHONUNBUFFERED=1")
	if s.stdin, err = s.process.StdinPipe(); err != nil {
		return nil, err
	}
	output, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.process.Stdout, s.process.Stderr = writer, writer
	err = s.process.Start()
	_ = writer.Close() // the process has its own
	if err != nil {
		_ = output.Close()
		return nil, fmt.Errorf("%s does not start: %w; %s", k.Name, err, k.Install)
	}
	found := make(chan string, 1)
	go s.readOutput(output, k.listening, found)
	limit := time.NewTimer(startsWithin)
	defer limit.Stop()
	select {
	case line, ok := <-found:
		if ok {
			s.URL = cmp.Or(url, line)
			return s, nil
		}
		<-s.read
		err = fmt.Errorf("%s: %w; run it by hand to see why: %s\n%s", k.Name, errEnded, strings.Join(command, " "), s.Said())
	case <-limit.C:
		err = fmt.Errorf("%s does not listen after %v", k.Name, startsWithin)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	s.Stop()
	return nil, err
}

// readOutput reads what the process writes until it ends, and looks for the line that
// says that it listens.
func (s *Server) readOutput(output io.ReadCloser, listening *regexp.Regexp, found chan<- string) {
	defer close(s.read)
	defer output.Close()
	defer close(found)
	listens := false
	for lines := bufio.NewScanner(output); lines.Scan(); {
		s.mu.Lock()
		s.said = append(s.said[max(0, len(s.said)-lastLines+1):], lines.Text())
		s.mu.Unlock()
		if match := listening.FindString(lines.Text()); match != "" && !listens {
			listens = true
			found <- match
		}
	}
	_, _ = io.Copy(io.Discard, output) // after a line that is too long
}

// Stop ends the server and waits for its end.
func (s *Server) Stop() {
	_ = s.stdin.Close() // it ends by that
	last := time.AfterFunc(10*time.Second, func() { _ = s.process.Process.Kill() })
	defer last.Stop()
	_ = s.process.Wait() // it is stopped by a signal, and says so
	<-s.read
}
