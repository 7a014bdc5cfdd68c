package access

import (
	"encoding/base64"
	"fmt"
	"path"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
)

const somebody = "$2a$04$JoVxkbSXZ8iFzvpUhVSaFe0jx7CzYuUkWNDQ0V3l.jY0iR2WTz4ly"

func argonLine(name, secret string, memory, time uint32, threads uint8) string {
	salt := []byte("saltsaltsalt")
	key := argon2.IDKey([]byte(secret), salt, time, memory, threads, 32)
	e := base64.RawStdEncoding
	return fmt.Sprintf("%s:$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", name, memory, time, threads, e.EncodeToString(salt), e.EncodeToString(key))
}

func TestParseCredentials_KnowsItsForm(t *testing.T) {
	good := argonLine("ann", "secret", 64, 1, 1)
	for _, c := range []struct{ name, text, want string }{
		{"bcrypt", "ann:" + somebody, ""},
		{"bcrypt as htpasswd writes it", "ann:" + strings.Replace(somebody, "$2a", "$2y", 1), ""},
		{"argon2id", good, ""},
		{"roots", good + ":/var/log,/srv/a:b/", ""},
		{"comments, empty lines, CRLF, byte order mark", "\uFEFF# who\r\n\r\n  \n" + good + "\r\n", ""},
		{"nothing", "# nobody\n", "holds no credentials"},
		{"no colon", "ann", "line 1: is not of the form"},
		{"no hash", "ann:", "line 1: the hash is neither"},
		{"plain password", "# x\nann:hunter2", "line 2: the hash is neither"},
		{"SHA of htpasswd", "ann:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", "the hash is neither"},
		{"bcrypt cut off", "ann:" + somebody[:59], "the hash is neither"},
		{"bcrypt with a bad character", "ann:" + somebody[:59] + "!", "the hash is neither"},
		{"bcrypt too dear", "ann:" + strings.Replace(somebody, "$04$", "$15$", 1), "the bcrypt cost 15 is more than 14"},
		{"bcrypt below its own minimum", "ann:" + strings.Replace(somebody, "$04$", "$03$", 1), "the hash is neither"},
		{"argon2i", strings.Replace(good, "argon2id", "argon2i", 1), "the hash is neither"},
		{"argon2id of another version", strings.Replace(good, "v=19", "v=16", 1), "the hash is neither"},
		{"argon2id too dear", strings.Replace(good, "m=64", "m=1048576", 1), "argon2id parameters"},
		{"argon2id without a pass", strings.Replace(good, "t=1", "t=0", 1), "argon2id parameters"},
		{"argon2id without a thread", strings.Replace(good, "p=1", "p=0", 1), "argon2id parameters"},
		{"argon2id with more than was asked", strings.Replace(good, "p=1", "p=1,x=2", 1), "the hash is neither"},
		{"argon2id with a short key", good[:len(good)-30], "the hash is neither"},
		{"name with a dot", "a.b:" + somebody, "the name must be"},
		{"name too long", strings.Repeat("a", 41) + ":" + somebody, "the name must be"},
		{"no name", ":" + somebody, "the name must be"},
		{"name twice", good + "\n" + good, "line 2: the name ann stands in an earlier line"},
		{"empty roots", good + ":", "root 1 is not an absolute path"},
		{"relative root", good + ":/var/log,log", "root 2 is not an absolute path"},
		{"root with NUL", good + ":/var\x00", "root 1 is not an absolute path"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseCredentials([]byte(c.text))
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			case err != nil && strings.Contains(err.Error(), "hunter2"):
				t.Errorf("the error repeats the secret: %v", err)
			}
		})
	}
}

func TestMayFollow_KeepsToTheRootsByWholeNames(t *testing.T) {
	s, err := parseCredentials([]byte("ann:" + somebody + ":/var/log,/srv/app.log,/opt/../tmp/\nroot:" + somebody + ":/\nall:" + somebody))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, log string
		want      bool
	}{
		{"ann", "/var/log/app.log", true},
		{"ann", "/var/log", true},
		{"ann", "/var/log-secret/app.log", false},
		{"ann", "/var/logs", false},
		{"ann", "/srv/app.log", true},
		{"ann", "/srv/app.log.1", false},
		{"ann", "/srv/other.log", false},
		{"ann", "/tmp/x", true},
		{"ann", "/opt/x", false},
		{"ann", "/var/log/../../etc/shadow", false},
		{"ann", "/var/log//app.log", false},
		{"ann", "/var/log/a\x00b", false},
		{"ann", "var/log/app.log", false},
		{"ann", "/var/log/" + strings.Repeat("x", 5000), false},
		{"root", "/etc/x.log", true},
		{"root", "etc/x.log", false},
		{"all", "/etc/x.log", true},
	} {
		if got := (Identity{credential: s.byName[c.name]}).MayFollow(c.log); got != c.want {
			t.Errorf("%s, %.40q: got %v, want %v", c.name, c.log, got, c.want)
		}
	}
	if (Identity{}).MayFollow("/var/log/app.log") {
		t.Error("the zero Identity may follow a log")
	}
}

func TestNewToken_MakesALineThatTheFileUnderstands(t *testing.T) {
	token, line, err := NewToken("grafana", "/var/log/", "/srv/x.log")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(line, token) || !strings.HasSuffix(line, ":/var/log,/srv/x.log") {
		t.Errorf("line %q for token %q", line, token)
	}
	s, err := parseCredentials([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	if c := s.byName["grafana"]; !c.hash.check(token) || c.hash.check(token+"x") {
		t.Error("the line is not for this token")
	}
	if other, _, _ := NewToken("grafana"); other == token {
		t.Error("two tokens are the same")
	}
	if longest, _, err := NewToken(strings.Repeat("n", maxName)); err != nil || len(longest) > maxBcryptSecret {
		t.Errorf("token of %d bytes for the longest name: %v", len(longest), err)
	}
	for name, make := range map[string]func() (string, error){
		"bad name":       func() (string, error) { return Line("a b", "long enough, this is") },
		"short password": func() (string, error) { return Line("ann", "hunter2") },
		"long password":  func() (string, error) { return Line("ann", strings.Repeat("x", 73)) },
		"two lines":      func() (string, error) { return Line("ann", "long enough,\nthis is") },
		"relative root":  func() (string, error) { return Line("ann", "long enough, this is", "log") },
	} {
		if l, err := make(); err == nil {
			t.Errorf("%s: got %q without an error", name, l)
		}
	}
}

func FuzzParseCredentials(f *testing.F) {
	f.Add([]byte("# who\nann:" + somebody + ":/var/log,/srv\n"))
	f.Add([]byte(argonLine("bob", "secret", 64, 1, 1) + "\r\n"))
	f.Add([]byte("\uFEFFx:$2b$10$"))
	f.Add([]byte("x:$argon2id$v=19$m=8,t=1,p=1$$"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseCredentials(data)
		if err != nil {
			return
		}
		if len(s.byName) == 0 || s.decoy.check == nil {
			t.Fatal("no credentials and no error")
		}
		for name, c := range s.byName {
			if checkName(name) != nil || name != c.name {
				t.Fatalf("name %q", name)
			}
			again := c.name + ":" + c.hash.text
			if c.roots != nil {
				again += ":" + strings.Join(c.roots, ",")
			}
			same, err := parseCredential(again)
			if err != nil || !same.sameAs(c) {
				t.Fatalf("%q reads as something else: %v", again, err)
			}
			for _, root := range c.roots {
				if !path.IsAbs(root) || path.Clean(root) != root {
					t.Fatalf("root %q", root)
				}
			}
		}
	})
}
