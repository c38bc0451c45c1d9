package admin

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"managed-thing-updater/internal/livepage"
)

const (
	cookieName  = "worker_session"
	sessionTime = 12 * time.Hour
	maxForm     = 4 << 10 // bytes
)

// tokenAuth lets requests through that bring the token: as a bearer, or a browser by the
// cookie that it got for the token. An empty token lets all through.
//
// The cookie is its own end and that end's HMAC under the token: the worker keeps
// nothing, so that a session outlives a restart, and another token ends it.
type tokenAuth struct{ token string }

func (a tokenAuth) lets(r *http.Request) bool {
	if a.token == "" {
		return true
	}
	if scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") && a.is(strings.TrimSpace(given)) {
		return true
	}
	cookie, err := r.Cookie(cookieName)
	return err == nil && a.valid(cookie.Value, time.Now())
}

// is compares digests, so that not even the token's length shows in the time.
func (a tokenAuth) is(given string) bool {
	want, got := sha256.Sum256([]byte(a.token)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

func (a tokenAuth) session(ends time.Time) string {
	end := strconv.FormatInt(ends.Unix(), 10)
	key := sha256.Sum256([]byte(a.token)) // FIPS 140 forbids keys below 14 bytes; a token may be shorter
	sum := hmac.New(sha256.New, key[:])
	sum.Write([]byte("worker session until " + end))
	return end + "." + base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
}

func (a tokenAuth) valid(session string, now time.Time) bool {
	end, _, _ := strings.Cut(session, ".")
	seconds, err := strconv.ParseInt(end, 10, 64)
	if err != nil || now.Unix() >= seconds || seconds > now.Add(sessionTime).Unix()+1 {
		return false
	}
	return hmac.Equal([]byte(session), []byte(a.session(time.Unix(seconds, 0))))
}

// guard lets requests through that may pass. A browser that opens a page is led to
// the form.
func (a tokenAuth) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case a.lets(r):
			next.ServeHTTP(w, r)
		case r.Method == http.MethodGet && r.URL.Path == "/" && strings.Contains(r.Header.Get("Accept"), "text/html"):
			seeOther(w, "login")
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="worker"`)
			text(w, http.StatusUnauthorized, "this asks for WORKER_ADMIN_TOKEN: Authorization: Bearer TOKEN")
		}
	})
}

// form is GET /login.
func (a tokenAuth) form(w http.ResponseWriter, r *http.Request) {
	livepage.Login(w, r.URL.Query().Has("wrong"))
}

// login is POST /login: a cookie for the token.
func (a tokenAuth) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if !a.is(r.PostFormValue("token")) {
		seeOther(w, "login?wrong")
		return
	}
	ends := time.Now().Add(sessionTime)
	http.SetCookie(w, cookie(r, a.session(ends), int(sessionTime/time.Second)))
	seeOther(w, "./")
}

// logout is POST /logout.
func (a tokenAuth) logout(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, cookie(r, "", -1))
	seeOther(w, "login")
}

// cookie is Secure if the browser speaks TLS, with us or with a proxy before us.
func cookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}

// seeOther redirects to a relative address, as http.Redirect does not: a proxy may
// have added a prefix to ours.
func seeOther(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
