package redisstore_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"managed-thing-updater/internal/standin"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/redisstore"
	"managed-thing-updater/internal/thingstate/statetest"
)

func servers() []standin.Kind { return []standin.Kind{standin.Redis(), standin.Valkey()} }

var databases atomic.Int64

func newTable(t *testing.T, url string) *redisstore.Table {
	t.Helper()
	tb, err := redisstore.New(redisstore.Options{URL: url, Connections: 32})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tb.Close() })
	return tb
}

// opened is a store at a URL and others of the same records, and what loses answers.
func opened(t *testing.T, url string, o statetest.Options, lose func(int)) statetest.Opened {
	t.Helper()
	store := func() thingstate.Store {
		return thingstate.NewShared(newTable(t, url), thingstate.SharedOptions{DedupTTL: o.DedupTTL, VersionTTL: o.VersionTTL})
	}
	return statetest.Opened{Store: store(), Replica: store, Lose: lose}
}

func TestATableIsAStore(t *testing.T) {
	for _, kind := range servers() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			server := kind.ForTest(t)
			statetest.Run(t, statetest.Harness{
				Open: func(t *testing.T, o statetest.Options) statetest.Opened {
					proxy := standin.NewProxy(t, server)
					return opened(t, fmt.Sprintf("%s/%d", proxy.URL, databases.Add(1)%standin.RedisDatabases), o, proxy.Lose)
				},
				// The server's own clock, which no test can move.
				Tick:     250 * time.Millisecond,
				Parallel: true,
			})
		})
	}
}

// cluster starts a cluster of one node and returns its address.
func cluster(t *testing.T, kind func(arguments ...string) standin.Kind) string {
	t.Helper()
	bus, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := bus.Addr().(*net.TCPAddr).Port
	_ = bus.Close()
	url := kind("--cluster-enabled", "yes", "--cluster-config-file", filepath.Join(t.TempDir(), "nodes.conf"), "--cluster-port", fmt.Sprint(port)).ForTest(t)
	address := strings.TrimPrefix(url, "redis://")
	c := redis.NewClient(&redis.Options{Addr: address})
	defer c.Close()
	if err := c.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if state, _ := c.ClusterInfo(t.Context()).Result(); strings.Contains(state, "cluster_state:ok") {
			return address
		}
		if time.Now().After(limit) {
			t.Fatal("the cluster does not come up")
		}
	}
}

func TestAClusterIsAStore(t *testing.T) {
	t.Parallel()
	address := cluster(t, standin.Redis)
	statetest.Run(t, statetest.Harness{
		Open: func(t *testing.T, o statetest.Options) statetest.Opened {
			c := redis.NewClient(&redis.Options{Addr: address})
			defer c.Close()
			if err := c.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			return opened(t, "redis://"+address+"?addr="+address, o, nil)
		},
		Tick: 100 * time.Millisecond,
	})
}
