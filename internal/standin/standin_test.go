package standin_test

import (
	"net"
	"net/url"
	"strings"
	"testing"

	"managed-thing-updater/internal/standin"
)

func TestEveryServerListensAndEnds(t *testing.T) {
	for _, k := range []standin.Kind{standin.Fauxqs(), standin.Moto(), standin.Dynalite(), standin.Redis(), standin.Valkey()} {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			var address string
			t.Run("runs", func(t *testing.T) {
				u, err := url.Parse(k.ForTest(t))
				if err != nil {
					t.Fatal(err)
				}
				address = u.Host
				c, err := net.Dial("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
			})
			if address == "" {
				t.SkipNow()
			}
			if c, err := net.Dial("tcp", address); err == nil {
				c.Close()
				t.Error("it still listens when its test has ended")
			}
		})
	}
}

func TestAServerThatEndsAtItsStartIsNotWaitedFor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, taken, _ := net.SplitHostPort(l.Addr().String())
	k := standin.Redis("--port", taken)
	standin.NeedCommand(t, "redis-server", k.Install)
	if s, err := k.Start(t.Context()); err == nil {
		s.Stop()
		t.Error("it runs on a port that is taken")
	} else if text := err.Error(); !strings.Contains(text, "it ended at its start; run it by hand to see why: ") || !strings.Contains(text, "already in use") {
		t.Error(err)
	}
}
