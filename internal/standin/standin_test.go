package standin_test

import (
	"net"
	"net/url"
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
