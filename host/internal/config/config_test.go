package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// load runs the whole way from the command line to validated settings.
func load(t *testing.T, args []string, env map[string]string, file string) (*Config, error) {
	t.Helper()
	if file != "" {
		name := filepath.Join(t.TempDir(), "livetail.yaml")
		if err := os.WriteFile(name, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"--config", name}, args...)
	}
	var c Config
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	c.Bind(fs)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if err := c.Load(fs, fs.Args(), func(k string) string { return env[k] }); err != nil {
		return nil, err
	}
	return &c, c.Validate()
}

func TestLoad_FlagBeatsEnvironmentBeatsFileBeatsDefault(t *testing.T) {
	const file = "lines: 3\nheartbeat: 3s\nmax-sessions: 3\n"
	env := map[string]string{"LIVETAIL_LINES": "2", "LIVETAIL_HEARTBEAT": "2s"}
	c, err := load(t, []string{"--lines", "1"}, env, file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Lines != 1 || c.Heartbeat != 2*time.Second || c.MaxSessions != 3 || c.HeartbeatTimeout != 5*time.Second {
		t.Errorf("got lines %d, heartbeat %s, sessions %d, timeout %s", c.Lines, c.Heartbeat, c.MaxSessions, c.HeartbeatTimeout)
	}
}

func TestLoad_ListsAndRootsComeFromEverywhere(t *testing.T) {
	c, err := load(t, nil, nil, "allowed-host: [a.test, b.test]\nroots: [/var/log, /srv/x.log]\n")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.AllowedHosts, []string{"a.test", "b.test"}) || !slices.Equal(c.Roots, []string{"/var/log", "/srv/x.log"}) {
		t.Errorf("got hosts %q, roots %q", c.AllowedHosts, c.Roots)
	}
	c, err = load(t, nil, map[string]string{"LIVETAIL_ROOTS": "/a:/b", "LIVETAIL_ALLOWED_HOST": "c.test,d.test"}, "roots: [/c]")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.AllowedHosts, []string{"c.test", "d.test"}) || !slices.Equal(c.Roots, []string{"/a", "/b"}) {
		t.Errorf("got hosts %q, roots %q", c.AllowedHosts, c.Roots)
	}
}

func TestLoad_NothingSaid_DefaultsAreComplete(t *testing.T) {
	c, err := load(t, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != DefaultListen || len(c.Roots) != 1 || !strings.HasSuffix(c.Roots[0], "/logs") || !filepath.IsAbs(c.Roots[0]) {
		t.Errorf("got listen %s, roots %q", c.Listen, c.Roots)
	}
}

func TestLoad_Mistake_IsOneSentenceThatNamesTheSetting(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		args       []string
		env        map[string]string
		file       string
	}{
		{name: "unknown in file", file: "hartbeat: 3s", want: "hartbeat: is not a setting"},
		{name: "bad type in file", file: "lines: many", want: `lines: "many" is no whole number`},
		{name: "time without a unit", file: "heartbeat: 10", want: `heartbeat: "10" is no length of time; write for example`},
		{name: "number that is none", file: "session-rate: fast", want: `session-rate: "fast" is no number`},
		{name: "neither true nor false", file: "insecure: maybe", want: `insecure: "maybe" is neither true nor false`},
		{name: "left empty in file", file: "token-file:", want: "token-file: has no value"},
		{name: "list for one value", file: "listen: [a, b]", want: "listen: is not a single value"},
		{name: "another file in the file", file: "config: x.yaml", want: "config: is not a setting"},
		{name: "help in the file", file: "help: true", want: "help: is not a setting"},
		{name: "a list", file: "- listen", want: "does not consist of lines NAME: VALUE"},
		{name: "two documents", file: "lines: 1\n---\nlines: 2", want: "has more than one document"},
		{name: "said twice", file: "lines: 1\nlines: 2", want: "already defined"},
		{name: "one root without a list", file: "roots: /var/log", want: "roots: is not a list of paths, such as"},
		{name: "nested", file: "listen:\n  port: 1", want: "listen: is not a single value"},
		{name: "not yaml", file: "{{{", want: "config: "},
		{name: "list of lists", file: "roots: [[a]]", want: "roots: is not a list of paths"},
		{name: "bad environment", env: map[string]string{"LIVETAIL_POLL": "soon"}, want: `LIVETAIL_POLL: "soon" is no length of time`},
		{name: "missing file", args: []string{"--config", "/does/not/exist"}, want: "config: open /does/not/exist"},
		{name: "address", args: []string{"--listen", "8765"}, want: "listen: "},
		{name: "open to all", args: []string{"--listen", "0.0.0.0:8765"}, want: "listen: 0.0.0.0:8765 can be reached from other machines"},
		{name: "open to all by name", args: []string{"--listen", ":8765"}, want: "listen: "},
		{name: "ops open to all", args: []string{"--ops-listen", "[::]:1"}, want: "ops-listen: "},
		{name: "lines", args: []string{"--lines", "-1"}, want: "lines: "},
		{name: "heartbeat", args: []string{"--heartbeat", "1ms"}, want: "heartbeat: "},
		{name: "heartbeat timeout", args: []string{"--heartbeat-timeout", "2h"}, want: "heartbeat-timeout: "},
		{name: "origin", args: []string{"--allowed-origin", "example.org"}, want: "allowed-origin: "},
		{name: "origin with path", args: []string{"--allowed-origin", "https://a/b"}, want: "allowed-origin: "},
		{name: "host", args: []string{"--allowed-host", "*.a"}, want: "allowed-host: "},
		{name: "port", args: []string{"--listen", "127.0.0.1:99999"}, want: `listen: "99999" is not a port`},
		{name: "empty root", args: []string{""}, want: `roots: "" is not a path`},
		{name: "base path that goes up", args: []string{"--base-path", "/a/../b"}, want: "base-path: "},
		{name: "base path with a space", args: []string{"--base-path", "/a b"}, want: "base-path: "},
		{name: "base path", args: []string{"--base-path", "logs/"}, want: "base-path: "},
		{name: "public url", args: []string{"--public-url", "example.org"}, want: "public-url: "},
		{name: "checksum alone", args: []string{"--plugin-sha256", "00"}, want: `plugin-sha256: "00" is for a plugin that no`},
		{name: "argument alone", args: []string{"--plugin-arg", "/docker=-x"}, want: `plugin-arg: "/docker=-x" is for a plugin that no`},
		{name: "checksum that is none", args: []string{"--plugin", "x", "--plugin-sha256", "00"}, want: "plugin-sha256: "},
		{name: "two plugins at one place", args: []string{"--plugin", "/a=x", "--plugin", "/a=y"}, want: "plugin: two are said for /a"},
		{name: "plugin without a path", args: []string{"--plugin", "/a="}, want: "plugin: "},
		{name: "plugin at a bad place", args: []string{"--plugin", "/a/=x"}, want: "plugin: prefix"},
		{name: "healthy", args: []string{"--plugin-healthy", "0s"}, want: "plugin-healthy: "},
		{name: "failures", args: []string{"--plugin-failures", "0"}, want: "plugin-failures: "},
		{name: "proxy", args: []string{"--trusted-proxy", "nowhere"}, want: "trusted-proxy: "},
		{name: "operator without credentials", args: []string{"--operator", "olga"}, want: "operator: "},
		{name: "rate", args: []string{"--session-rate", "-1"}, want: "session-rate: "},
		{name: "rate that is no number", args: []string{"--session-rate", "NaN"}, want: "session-rate: "},
		{name: "burst", args: []string{"--session-burst", "0"}, want: "session-burst: "},
		{name: "downloads", args: []string{"--max-downloads", "0"}, want: "max-downloads: "},
		{name: "handshake", args: []string{"--handshake-timeout", "0s"}, want: "handshake-timeout: "},
		{name: "idle", args: []string{"--idle-timeout", "1ms"}, want: "idle-timeout: "},
		{name: "write", args: []string{"--write-timeout", "2h"}, want: "write-timeout: "},
		{name: "message", args: []string{"--max-message", "100"}, want: "max-message: "},
		{name: "page", args: []string{"--max-page-lines", "10001"}, want: "max-page-lines: "},
		{name: "filter", args: []string{"--max-filter-steps", "501"}, want: "max-filter-steps: "},
		{name: "half of TLS", args: []string{"--tls-cert", "a.pem"}, want: "tls-cert: and tls-key belong together"},
		{name: "client certificates without TLS", args: []string{"--tls-client-ca", "a.pem"}, want: "tls-client-ca: "},
		{name: "credentials in the clear", args: []string{"--listen", ":8765", "--token-file", "t"}, want: "listen: "},
		{name: "sessions", args: []string{"--max-sessions", "0"}, want: "max-sessions: "},
		{name: "poll", args: []string{"--poll", "1ns"}, want: "poll: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := load(t, tc.args, tc.env, tc.file)
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("got %v, want an *Error", err)
			}
			if !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, tc.want)
			}
		})
	}
}

func TestValidate_Plugins_AreMountedAtTheirPrefixes(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	want := []Mount{
		{Prefix: "/", Path: "/opt/own", Args: []string{"-v", "--k=v", "/x=y"}, SHA256: sum},
		{Prefix: "/docker", Path: "/opt/docker", Args: []string{"--dir=/d"}},
	}
	same := func(c *Config) bool {
		return slices.EqualFunc(c.Mounts, want, func(a, b Mount) bool {
			return a.Prefix == b.Prefix && a.Path == b.Path && a.SHA256 == b.SHA256 && slices.Equal(a.Args, b.Args)
		})
	}
	c, err := load(t, []string{
		"--plugin", "/docker=/opt/docker", "--plugin", "/opt/own", "--plugin-arg", "-v", "--plugin-arg=--k=v", "--plugin-arg", "/docker=--dir=/d",
		"--plugin-arg", "/x=y", "--plugin-sha256", sum,
	}, nil, "")
	if err != nil || !same(c) {
		t.Errorf("flags: got %+v, %v", c.Mounts, err)
	}
	c, err = load(t, nil, nil, "plugin: [/=/opt/own, /docker=/opt/docker]\nplugin-arg: [-v, --k=v, /docker=--dir=/d, /x=y]\nplugin-sha256: [/="+sum+"]\n")
	if err != nil || !same(c) {
		t.Errorf("file: got %+v, %v", c, err)
	}
	c, err = load(t, nil, map[string]string{"LIVETAIL_PLUGIN": "/docker=/opt/docker"}, "")
	if err != nil || len(c.Mounts) != 2 || c.Mounts[0].Path != "" || c.Mounts[1].Path != "/opt/docker" {
		t.Errorf("environment: got %+v, %v", c, err)
	}
}

func TestUnknown_MisspelledVariables_AreFound(t *testing.T) {
	var c Config
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	c.Bind(fs)
	got := Unknown(fs, []string{
		"LIVETAIL_LINES=3", "LIVETAIL_ROOTS=/x", "LIVETAIL_HARTBEAT=3s", "LIVETAIL_lines=3", "LIVETAIL_SERVICE_HOST=10.0.0.1", "LIVETAIL_PORT=tcp://10.0.0.1:80",
		"LIVETAIL_PORT_80_TCP=x", "LIVETAIL_CONFIG=/x", "PATH=/bin", "LIVETAIL_",
	})
	if want := []string{"LIVETAIL_", "LIVETAIL_HARTBEAT", "LIVETAIL_lines"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestValidate_CredentialsAndTLS_AnyAddressWillDo(t *testing.T) {
	args := []string{"--listen", "0.0.0.0:0", "--token-file", "t", "--tls-cert", "c", "--tls-key", "k"}
	if _, err := load(t, args, nil, ""); err != nil {
		t.Error(err)
	}
}

func TestValidate_InsecureIsSaid_AnyAddressWillDo(t *testing.T) {
	if _, err := load(t, []string{"--listen", "0.0.0.0:0", "--insecure"}, nil, ""); err != nil {
		t.Error(err)
	}
}
