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

// keeper lets through who brings the token: as a bearer, or a browser by the cookie
// that it got for the token. An empty token lets everybody through.
//
// The cookie is its own end and that end's HMAC under the token: the worker keeps
// nothing, so that a session outlives a restart, and another token ends it.
type keeper struct{ token string }

func (k keeper) lets(r *http.Request) bool {
	if k.token == "" {
		return true
	}
	if scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") && k.is(strings.TrimSpace(given)) {
		return true
	}
	cookie, err := r.Cookie(cookieName)
	return err == nil && k.valid(cookie.Value, time.Now())
}

// is compares digests, so that not even the token's length shows in the time.
func (k keeper) is(given string) bool {
	want, got := sha256.Sum256([]byte(k.token)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

func (k keeper) session(ends time.Time) string {
	end := strconv.FormatInt(ends.Unix(), 10)
	key := sha256.Sum256([]byte(k.token)) // FIPS 140 forbids keys below 14 bytes; a token may be shorter
	sum := hmac.New(sha256.New, key[:])
	sum.Write([]byte("worker session until " + end))
	return end + "." + base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
}

func (k keeper) valid(session string, now time.Time) bool {
	end, _, _ := strings.Cut(session, ".")
	seconds, err := strconv.ParseInt(end, 10, 64)
	if err != nil || now.Unix() >= seconds || seconds > now.Add(sessionTime).Unix()+1 {
		return false
	}
	return hmac.Equal([]byte(session), []byte(k.session(time.Unix(seconds, 0))))
}

// guard lets requests through that may pass. A browser that opens a page is led to
// the form.
func (k keeper) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case k.lets(r):
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
func (k keeper) form(w http.ResponseWriter, r *http.Request) {
	livepage.Login(w, r.URL.Query().Has("wrong"))
}

// login is POST /login: a cookie for the token.
func (k keeper) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if !k.is(r.PostFormValue("token")) {
		seeOther(w, "login?wrong")
		return
	}
	ends := time.Now().Add(sessionTime)
	http.SetCookie(w, cookie(r, k.session(ends), int(sessionTime/time.Second)))
	seeOther(w, "./")
}

// logout is POST /logout.
func (k keeper) logout(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, cookie(r, "", -1))
	seeOther(w, "login")
}

// cookie is Secure where the browser speaks TLS, with us or with a proxy before us.
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
