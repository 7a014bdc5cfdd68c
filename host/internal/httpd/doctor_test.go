package httpd

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/plugin/tail"
)

func TestDoctor_AnswersWithTheFindings(t *testing.T) {
	s := newStand(t, Options{})
	for _, c := range []struct{ log, want string }{
		{logName, `{"findings":[{"id":"readable","level":"ok","what":"` + logName + ` can be read.","do":""}]}` + "\n"},
		{"/var/log/none.log", `{"findings":[{"id":"file-missing","level":"problem","what":"/var/log/none.log does not exist.","do":"Start the program that writes it."}]}` + "\n"},
	} {
		status, h, body := s.get("/-/doctor?log=" + c.log)
		if status != http.StatusOK || body != c.want || h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s", c.log, status, h, body)
		}
	}
}

func TestDoctor_Refusals(t *testing.T) {
	s := newStand(t, Options{})
	for query, want := range map[string]int{
		"": 400, "?log=": 400, "?log=relative": 400, "?log=/a&log=/b": 400, "?log=/a%00": 400, "?log=%zz": 400,
		"?log=/srv/secret/there.log": 403, "?log=/srv/secret/missing.log": 403, "?log=/var/log/../x": 403,
	} {
		if status, _, body := s.get("/-/doctor" + query); status != want {
			t.Errorf("%s: %d %s, want %d", query, status, body, want)
		}
	}
	_, _, a := s.get("/-/doctor?log=/srv/secret/there.log")
	if _, _, b := s.get("/-/doctor?log=/srv/secret/missing.log"); a != b {
		t.Errorf("what is forbidden does not look the same: %q and %q", a, b)
	}
	s.fake.FailNext(tail.ErrUnsupported)
	if status, _, _ := s.get("/-/doctor?log=" + logName); status != http.StatusNotImplemented {
		t.Errorf("a plugin that cannot: %d", status)
	}
}

func TestDoctor_ForWhoMayNotFollowTheLog_IsForbidden(t *testing.T) {
	token, line, err := access.NewToken("ann", "/srv")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := access.New(access.Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	s := newStand(t, Options{Access: a})
	for header, want := range map[string]int{"X: y": 401, "Authorization: Bearer " + token: 403} {
		if status, _, _ := s.get("/-/doctor?log="+logName, header); status != want {
			t.Errorf("%.15s: %d, want %d", header, status, want)
		}
	}
	if n := s.fake.Calls().Diagnose; n != 0 {
		t.Errorf("the plugin was asked %d times", n)
	}
}
