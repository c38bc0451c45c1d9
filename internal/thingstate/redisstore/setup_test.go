package redisstore_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"managed-thing-updater/internal/message"
	"managed-thing-updater/internal/standin"
	"managed-thing-updater/internal/thingstate"
	"managed-thing-updater/internal/thingstate/redisstore"
)

// direct is a client of the server itself.
func direct(t *testing.T, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestNoPasswordInAWrongURL(t *testing.T) {
	for _, url := range []string{
		"redis://:hunter2", "redis://user:hun/ter2@cache", "redis://user:hunter2@cache/x", "redis://cache?password=hunter2",
		"redis://user:hunter2@cache?addr=user:hunter2@other:1", "redis://user:12/hunter2@cache?addr=a:1", "redis://user:hunter2@cache?read_timeout=hunter2",
		"redis://user:hunter2@", "\x7fredis://hunter2@h",
	} {
		_, err := redisstore.New(redisstore.Options{URL: url})
		if _, ok := errors.AsType[*thingstate.SetupError](err); !ok || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "ter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
	tb := newTable(t, "rediss://user:hunter2@cache.example:6380/3?read_timeout=2s")
	if got := tb.String(); got != "rediss://cache.example:6380/3" {
		t.Errorf("its name is %s", got)
	}
	if got := tb.Where("lamp"); got != "the key managed-thing:lamp in rediss://cache.example:6380/3" {
		t.Errorf("a key is %s", got)
	}
}

func TestCheck(t *testing.T) {
	for _, kind := range servers() {
		t.Run(kind.Name, func(t *testing.T) {
			url := kind.ForTest(t)
			if warnings, err := newTable(t, url).Check(t.Context()); err != nil || len(warnings) > 0 {
				t.Errorf("%v, %q", err, warnings)
			}
			server := direct(t, url)
			do := func(command ...any) {
				t.Helper()
				if err := server.Do(t.Context(), command...).Err(); err != nil {
					t.Fatal(err)
				}
			}
			do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
			if warnings, err := newTable(t, url).Check(t.Context()); err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "noeviction") {
				t.Errorf("one that evicts: %v, %q", err, warnings)
			}
			do("ACL", "SETUSER", "reader", "on", ">pw", "~*", "+get", "+ping")
			do("ACL", "SETUSER", "worker", "on", ">pw", "~managed-thing:*", "+eval", "+evalsha", "+get", "+set", "+time")
			as := func(user string) string { return strings.Replace(url, "redis://", "redis://"+user+"@", 1) }
			for user, fault := range map[string]string{"worker:other": "refuses the user or the password", "reader:pw": "does not let the user"} {
				_, err := newTable(t, as(user)).Check(t.Context())
				if setup, ok := errors.AsType[*thingstate.SetupError](err); !ok || !strings.Contains(setup.Error(), fault) {
					t.Errorf("%s: %v", user, err)
				}
			}
			least := newTable(t, as("worker:pw"))
			if _, err := least.Check(t.Context()); err != nil {
				t.Errorf("with what it says it needs: %v", err)
			}
			turn(t, thingstate.NewShared(least, thingstate.SharedOptions{}))
		})
	}
}

func turn(t *testing.T, store thingstate.Store) {
	t.Helper()
	_, l, err := store.Acquire(t.Context(), "lamp", time.Minute, nil)
	if err == nil {
		err = store.Finish(t.Context(), l, thingstate.Result{Keys: []string{"k"}})
	}
	if err != nil {
		t.Error(err)
	}
}

func TestANodeOfAClusterAsksForAClustersURL(t *testing.T) {
	address := cluster(t, standin.Redis)
	_, err := newTable(t, "redis://"+address).Check(t.Context())
	if setup, ok := errors.AsType[*thingstate.SetupError](err); !ok || !strings.Contains(setup.Fix, "?addr=") {
		t.Errorf("%v", err)
	}
	if warnings, err := newTable(t, "redis://"+address+"?addr="+address).Check(t.Context()); err != nil || len(warnings) > 0 {
		t.Errorf("%v, %q", err, warnings)
	}
}

func TestAServerThatIsDownIsNoFaultOfTheSetup(t *testing.T) {
	proxy := standin.NewProxy(t, standin.Redis().ForTest(t))
	proxy.Down(true)
	tb := newTable(t, strings.Replace(proxy.URL, "redis://", "redis://user:hunter2@", 1))
	_, err := tb.Check(t.Context())
	if _, setup := errors.AsType[*thingstate.SetupError](err); err == nil || setup {
		t.Errorf("Check: %v", err)
	}
	began := time.Now()
	_, _, err = thingstate.NewShared(tb, thingstate.SharedOptions{}).Acquire(t.Context(), "lamp", time.Minute, nil)
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), tb.String()+": acquire of thing lamp") || time.Since(began) > 10*time.Second {
		t.Errorf("Acquire: %v after %v", err, time.Since(began))
	}
}

// What this worker cannot read is not touched, and said to be that.
func TestAValueThatCannotBeReadStaysAsItIs(t *testing.T) {
	url := standin.Redis().ForTest(t)
	server, store := direct(t, url), thingstate.NewShared(newTable(t, url), thingstate.SharedOptions{})
	newer := thingstate.ItemFormat + 1
	for value, parts := range map[string][]string{
		fmt.Sprintf("%d 7 0 00 7 d= p=\n?", newer): {fmt.Sprint("format ", newer), "newer version", "managed-thing:lamp"},
		"2 7 0 00 0\n?":               {"delete the key managed-thing:lamp"},
		"someone else's":              {"delete the key managed-thing:lamp"},
		"1 7 0 0000000000000000 0\nx": {"delete the key managed-thing:lamp"},
	} {
		if err := server.Set(t.Context(), "managed-thing:lamp", value, 0).Err(); err != nil {
			t.Fatal(err)
		}
		_, _, err := store.Acquire(t.Context(), "lamp", time.Minute, []thingstate.Intent{{Member: "Name", Order: &message.Order{}}})
		if _, ok := errors.AsType[*thingstate.UnreadableError](err); !ok {
			t.Errorf("%q: %v", value, err)
			continue
		}
		for _, part := range parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: no %q in %v", value, part, err)
			}
		}
		_, rest, _ := strings.Cut(value, "\n")
		if got := server.Get(t.Context(), "managed-thing:lamp").Val(); !strings.Contains(got, rest) {
			t.Errorf("%q became %q", value, got)
		}
	}
}

// What a worker wrote before a value knew who had finished.
func TestAValueOfFormat1IsRead(t *testing.T) {
	url := standin.Redis().ForTest(t)
	server, table := direct(t, url), newTable(t, url)
	old := "1 7 0 0102030405060708 2\n0 0 6\nrecord1000 6 5\nfirst2000 7 6\nsecond"
	if err := server.Set(t.Context(), "managed-thing:lamp", old, 0).Err(); err != nil {
		t.Fatal(err)
	}
	take := thingstate.Take{By: thingstate.Holder{1}, Lease: time.Minute, Marks: []byte("third"), TTL: time.Hour}
	item, err := table.Take(t.Context(), "lamp", take)
	if err != nil || string(item.Record) != "record" || len(item.Pending) != 2 || item.Token != 8 {
		t.Fatalf("%v: %+v", err, item)
	}
	if second := item.Pending[1]; string(second.Marks) != "second" || second.Token != 7 || second.At.UnixMilli() != 2000 {
		t.Errorf("pending: %+v", item.Pending)
	}
	put := thingstate.Put{By: take.By, Of: take.By, Puts: item.Puts, Finished: item.Finished, Record: []byte("new"), TTL: time.Hour}
	if err := table.Put(t.Context(), "lamp", put); err != nil {
		t.Fatal(err)
	}
	take.By = thingstate.Holder{2}
	if item, err = table.Take(t.Context(), "lamp", take); err != nil || string(item.Record) != "new" || len(item.Pending) != 0 {
		t.Errorf("%v: %+v", err, item)
	}
}

func TestRecordsAreForgotten(t *testing.T) {
	url := standin.Redis().ForTest(t)
	store := thingstate.NewShared(newTable(t, url), thingstate.SharedOptions{DedupTTL: time.Hour, VersionTTL: 2 * time.Hour})
	turn(t, store)
	if left := direct(t, url).TTL(t.Context(), "managed-thing:lamp").Val(); left < 119*time.Minute || left > 2*time.Hour {
		t.Errorf("it is kept for %v", left)
	}
}

func TestTLS(t *testing.T) {
	server := strings.TrimPrefix(standin.Redis().ForTest(t), "redis://")
	certificate := httptest.NewUnstartedServer(http.NotFoundHandler())
	certificate.StartTLS() // for its certificate
	defer certificate.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certificate.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	var loops sync.WaitGroup
	defer loops.Wait()
	defer l.Close()
	loops.Go(func() {
		for {
			front, err := l.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("tcp", server)
			if err != nil {
				_ = front.Close()
				continue
			}
			both := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				_, _ = to.Close(), from.Close()
			}
			loops.Go(func() { both(front, back) })
			loops.Go(func() { both(back, front) })
		}
	})
	address := l.Addr().String()
	tb, err := redisstore.New(redisstore.Options{URL: "rediss://" + address + "?skip_verify=true"})
	if err != nil {
		t.Fatal(err)
	}
	defer tb.Close()
	turn(t, thingstate.NewShared(tb, thingstate.SharedOptions{}))

	strict := newTable(t, "rediss://"+address)
	if _, err := strict.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody knows: %v", err)
	}
}
