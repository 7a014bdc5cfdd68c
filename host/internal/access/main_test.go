package access

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// line makes a line of the credentials file whose hash is quick to compare with.
func line(t testing.TB, name, secret string, roots ...string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	l := name + ":" + string(hash)
	if len(roots) > 0 {
		l += ":" + strings.Join(roots, ",")
	}
	return l + "\n"
}

func write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// newAccess makes an Access of these lines; file is where they are.
func newAccess(t testing.TB, lines ...string) (a *Access, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "tokens")
	write(t, file, strings.Join(lines, ""))
	a, err := New(Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	return a, file
}

// request is a GET from an address with header fields given as name, value, name, value….
func request(from string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/var/log/app.log", nil)
	r.RemoteAddr = from
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// basic is a request with basic authentication.
func basic(from, name, secret string) *http.Request {
	r := request(from)
	r.SetBasicAuth(name, secret)
	return r
}

// reason is why err refuses; empty for no error, or another.
func reason(err error) Reason {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal.Reason
	}
	return ""
}
