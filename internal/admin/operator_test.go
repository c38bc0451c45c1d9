package admin_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"managed-thing-updater/internal/admin"
)

const token = "correct-horse-battery"

// control is a worker as far as an operator can move it.
type control struct {
	mu     sync.Mutex
	paused bool
}

func (c *control) Pause()  { c.set(true) }
func (c *control) Resume() { c.set(false) }

func (c *control) set(paused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = paused
}

func (c *control) isPaused() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paused
}

// browser keeps cookies and follows no redirect.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{
		Jar: jar, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// do sends a request and returns the answer and its body.
func do(t *testing.T, client *http.Client, method, address, body string, header map[string]string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func withToken() admin.Options {
	o := options()
	o.Token = token
	return o
}

func form(given string) string { return url.Values{"token": {given}}.Encode() }

var (
	asForm        = map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
	fromPage      = map[string]string{"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
	fromElsewhere = map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "cross-site"}
	asPage        = map[string]string{"Accept": "text/html,*/*;q=0.8"}
)

func TestABrowserLogsInAndOut(t *testing.T) {
	base, b := start(t, withToken()), browser(t)
	if r, _ := do(t, b, "GET", base+"/", "", asPage); r.StatusCode != 303 || r.Header.Get("Location") != "login" {
		t.Fatalf("the page without a session: %s, to %q", r.Status, r.Header.Get("Location"))
	}
	if r, body := do(t, b, "GET", base+"/login", "", asPage); r.StatusCode != 200 || !strings.Contains(body, `name="token"`) || strings.Contains(body, token) {
		t.Errorf("the form: %s", r.Status)
	}
	r, _ := do(t, b, "POST", base+"/login", form("wrong"), asForm)
	if r.StatusCode != 303 || r.Header.Get("Location") != "login?wrong" || len(r.Cookies()) > 0 {
		t.Errorf("a wrong token: %s, to %q, %v", r.Status, r.Header.Get("Location"), r.Cookies())
	}
	if _, body := do(t, b, "GET", base+"/login?wrong", "", asPage); strings.Contains(body, `id="wrong" hidden`) {
		t.Error("the form does not say that the token was wrong")
	}

	r, _ = do(t, b, "POST", base+"/login", form(token), asForm)
	if r.StatusCode != 303 || r.Header.Get("Location") != "./" || len(r.Cookies()) != 1 {
		t.Fatalf("the token: %s, to %q, %v", r.Status, r.Header.Get("Location"), r.Cookies())
	}
	c := r.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.MaxAge <= 0 || strings.Contains(c.Value, token) {
		t.Errorf("the cookie: %s", c.Raw)
	}
	for _, path := range []string{"/", "/status", "/live/page.css", "/debug/pprof/"} {
		if r, _ := do(t, b, "GET", base+path, "", asPage); r.StatusCode != 200 {
			t.Errorf("%s with a session: %s", path, r.Status)
		}
	}
	// The session is the token's, not the process's: it outlives a restart.
	second := start(t, withToken())
	for _, test := range []struct {
		name, value string
		status      int
	}{
		{"another process", c.Value, 200},
		{"changed", c.Value[:len(c.Value)-1] + "_", 401},
		{"its end put off", "9" + c.Value, 401},
		{"none of ours", "x.y", 401},
	} {
		r, _ := do(t, browser(t), "GET", second+"/status", "", map[string]string{"Cookie": c.Name + "=" + test.value})
		if r.StatusCode != test.status {
			t.Errorf("%s: %s, want %d", test.name, r.Status, test.status)
		}
	}
	other := options()
	other.Token = "another-token"
	if r, _ := do(t, browser(t), "GET", start(t, other)+"/status", "", map[string]string{"Cookie": c.Name + "=" + c.Value}); r.StatusCode != 401 {
		t.Errorf("with another token: %s", r.Status)
	}
	if r, _ := do(t, b, "POST", base+"/logout", "", asForm); r.StatusCode != 303 {
		t.Errorf("logout: %s", r.Status)
	}
	if r, _ := do(t, b, "GET", base+"/status", "", nil); r.StatusCode != 401 {
		t.Errorf("after the logout: %s", r.Status)
	}
}

func TestTheCookieIsSecureBehindTLS(t *testing.T) {
	header := maps.Clone(asForm)
	header["X-Forwarded-Proto"] = "https"
	r, _ := do(t, browser(t), "POST", start(t, withToken())+"/login", form(token), header)
	if len(r.Cookies()) != 1 || !r.Cookies()[0].Secure {
		t.Errorf("%v", r.Cookies())
	}
}

func TestNothingIsShownToWhoHasNoToken(t *testing.T) {
	base := start(t, withToken())
	for _, path := range []string{"/", "/status", "/live/events", "/live/main.js", "/live/index.html", "/debug/pprof/", "/status/messages"} {
		if r, _ := do(t, browser(t), "GET", base+path, "", nil); r.StatusCode != 401 && r.StatusCode != 404 {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
}

func TestAnOperatorPausesAndResumes(t *testing.T) {
	o := withToken()
	is := new(control)
	o.Control = is
	core, logs := observer.New(o.Level)
	o.Log = zap.New(core)
	base := start(t, o)
	bearer := map[string]string{"Authorization": "Bearer " + token}

	if r, body := do(t, browser(t), "POST", base+"/control/pause", "", bearer); r.StatusCode != 200 || body != "paused\n" || !is.isPaused() {
		t.Errorf("pause: %s %q", r.Status, body)
	}
	if r, _ := do(t, browser(t), "POST", base+"/control/resume", "", bearer); r.StatusCode != 200 || is.isPaused() {
		t.Errorf("resume: %s", r.Status)
	}
	for _, test := range []struct {
		body   string
		status int
		level  zapcore.Level
		said   int // lines so far
	}{
		{`{"level":"debug"}`, 200, zapcore.DebugLevel, 1},
		{`{"level":"debug"}`, 200, zapcore.DebugLevel, 1}, // nothing changed
		{`{"level":"error"}`, 200, zapcore.ErrorLevel, 2},
		{`{"level":"panic"}`, 400, zapcore.ErrorLevel, 2},
		{`level`, 400, zapcore.ErrorLevel, 2},
		{`{"level":"info"}`, 200, zapcore.InfoLevel, 3},
	} {
		r, body := do(t, browser(t), "POST", base+"/control/log-level", test.body, bearer)
		if r.StatusCode != test.status || o.Level.Level() != test.level || logs.Len() != test.said {
			t.Errorf("%s: %s %q, level %s, %d lines said", test.body, r.Status, body, o.Level.Level(), logs.Len())
		}
	}
}

// A page of somebody else's, open in an operator's browser, changes nothing.
func TestAnotherSiteChangesNothing(t *testing.T) {
	o := withToken()
	is := new(control)
	o.Control = is
	base, b := start(t, o), browser(t)
	do(t, b, "POST", base+"/login", form(token), asForm)
	for name, header := range map[string]map[string]string{
		"another site":                 {"Sec-Fetch-Site": "cross-site"},
		"another host of the site":     {"Sec-Fetch-Site": "same-site"},
		"another origin, older":        {"Origin": "https://elsewhere.example"},
		"another origin on this host":  {"Origin": base + "1"},
		"a frame without an origin":    {"Origin": "null"},
		"another site with the bearer": {"Sec-Fetch-Site": "cross-site", "Authorization": "Bearer " + token},
	} {
		if r, _ := do(t, b, "POST", base+"/control/pause", "", header); r.StatusCode != 403 || is.isPaused() {
			t.Errorf("%s: %s", name, r.Status)
		}
		if r, _ := do(t, b, "POST", base+"/login", form(token), fromElsewhere); r.StatusCode != 403 {
			t.Errorf("login from %s: %s", name, r.Status)
		}
	}
	if r, _ := do(t, b, "GET", base+"/control/pause", "", fromPage); r.StatusCode != 405 || is.isPaused() {
		t.Errorf("GET: %s", r.Status)
	}
	if r, _ := do(t, b, "POST", base+"/control/pause", "", fromPage); r.StatusCode != 200 || !is.isPaused() {
		t.Errorf("the page itself: %s", r.Status)
	}
}

func TestWithoutATokenNothingCanBeChanged(t *testing.T) {
	base := start(t, options())
	for _, path := range []string{"/control/pause", "/control/resume", "/control/log-level", "/login", "/logout"} {
		if r, _ := do(t, browser(t), "POST", base+path, "", map[string]string{"Authorization": "Bearer "}); r.StatusCode != 404 && r.StatusCode != 405 {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
}

func TestHeaders(t *testing.T) {
	base := start(t, withToken())
	for path, policy := range map[string]string{
		"/":             "script-src 'self'",
		"/login":        "style-src 'sha256-",
		"/status":       "default-src 'none'; frame-ancestors 'none'",
		"/live/main.js": "default-src 'none'; frame-ancestors 'none'",
		"/nothing":      "default-src 'none'; frame-ancestors 'none'",
	} {
		r, _ := do(t, browser(t), "GET", base+path, "", map[string]string{"Authorization": "Bearer " + token})
		got := r.Header.Get("Content-Security-Policy")
		if !strings.Contains(got, policy) || !strings.HasPrefix(got, "default-src 'none'; ") || !strings.Contains(got, "frame-ancestors 'none'") || strings.Contains(got, "unsafe") {
			t.Errorf("%s: %q", path, got)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
			if r.Header.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, r.Header.Get(name))
			}
		}
	}
}

// A page that is open must not keep the worker from stopping.
func TestCloseEndsTheStreams(t *testing.T) {
	o := options()
	s := admin.New(o)
	addr, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Get("http://" + addr + "/live/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	first := make([]byte, len("event: hello"))
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "event: hello" {
		t.Fatalf("%q, %v", first, err)
	}
	began := time.Now()
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	rest, err := io.ReadAll(response.Body)
	if err != nil || !strings.HasSuffix(string(rest), "event: bye\ndata: {}\n\n") {
		t.Errorf("the stream ends with %q, %v", rest, err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("closing took %s", took)
	}
}
