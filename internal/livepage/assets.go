package livepage

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed static
var files embed.FS

// static are the page's files: index.html and what it refers to, by relative
// addresses, so that it also works behind a proxy that adds a prefix.
var static, _ = fs.Sub(files, "static") // the folder is embedded: no error

// digest tells one version of the page from another: an open page that belongs to
// another worker's version asks to be loaded again.
var digest = digestOf(static)

func digestOf(files fs.FS) string {
	sum := sha256.New()
	_ = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		sum.Write([]byte(name))
		sum.Write(content)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// policy lets the page have its own files and the worker's answers, and nothing
// else; markup that is made from text is refused by the browser.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Page answers with the page.
func Page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", policy)
	http.ServeFileFS(w, r, static, "index.html")
}

// File answers with the file of the page that the path's element "file" names.
func File(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if info, err := fs.Stat(static, name); err != nil || info.IsDir() || strings.HasSuffix(name, ".html") {
		http.NotFound(w, r)
		return
	}
	http.ServeFileFS(w, r, static, name)
}

// Login answers with the form that asks for the token. wrong says that the last one
// was not it. The form is all in one: nothing else is to be had without the token.
func Login(w http.ResponseWriter, wrong bool) {
	form := login
	if wrong {
		form = strings.Replace(form, `id="wrong" hidden`, `id="wrong"`, 1)
	}
	w.Header().Set("Content-Security-Policy", loginPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(form))
}

var login, loginPolicy = loginForm()

func loginForm() (form, policy string) {
	page, _ := fs.ReadFile(static, "login.html")
	style, _ := fs.ReadFile(static, "login.css")
	sum := sha256.Sum256(style)
	form = strings.Replace(string(page), "/*style*/", string(style), 1)
	return form, "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}
