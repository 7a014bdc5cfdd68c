package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/livetail/livetail/host/internal/config"
)

// The files in docs/ for those who run livetail are held to the programs that read them. (Those of Prometheus and Kubernetes have tests of their own.)

// installed is the path of a program that may be missing.
func installed(t *testing.T, name, pkg string) string {
	t.Helper()
	for _, path := range []string{name, "/usr/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	t.Skipf("no %s on PATH: install the package %s", name, pkg)
	return ""
}

func docs(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func put(t *testing.T, dir, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDocs_SystemdUnit_IsLittleExposed(t *testing.T) {
	tool := installed(t, "systemd-analyze", "systemd")
	exposure := func(unit string) (level float64) {
		out, err := exec.CommandContext(t.Context(), tool, "security", "--offline=true", put(t, t.TempDir(), "livetail.service", unit)).CombinedOutput()
		found := regexp.MustCompile(`exposure level for livetail.service: ([0-9.]+)`).FindSubmatch(out)
		if found == nil {
			t.Skipf("this systemd cannot look at a unit offline: %v\n%s", err, out)
		}
		level, err = strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		return level
	}
	unit := docs(t, "systemd/livetail.service")
	if level := exposure(unit); level > 2 {
		t.Errorf("it is exposed by %v of 10", level)
	}
	if level := exposure(regexp.MustCompile(`(?m)^(Protect|Restrict|SystemCall).*$`).ReplaceAllString(unit, "")); level <= 2 {
		t.Errorf("without what protects it, it is exposed by %v", level)
	}
}

// How livetail is started, in the files, is what it understands.
func TestDocs_CommandLines_AreThoseOfLivetail(t *testing.T) {
	var manifest struct {
		Spec struct {
			Template struct {
				Spec struct{ Containers []struct{ Args []string } }
			}
		}
	}
	_, daemonSet, _ := strings.Cut(docs(t, "kubernetes.yml"), "\n---\n")
	if err := yaml.Unmarshal([]byte(daemonSet), &manifest); err != nil {
		t.Fatal(err)
	}
	lines := map[string][]string{}
	for _, c := range manifest.Spec.Template.Spec.Containers {
		lines["kubernetes.yml"] = strings.Split(strings.ReplaceAll(strings.Join(c.Args, "\x00"), "$(POD_IP)", "10.0.0.1"), "\x00")
	}
	exec := regexp.MustCompile(`(?m)^ExecStart=\S+ (.*)$`).FindStringSubmatch(docs(t, "systemd/livetail.service"))
	if exec == nil {
		t.Fatal("the unit starts nothing")
	}
	lines["livetail.service"] = strings.Fields(exec[1])
	for _, name := range []string{"proxy/nginx.conf", "proxy/Caddyfile"} {
		serve := regexp.MustCompile(`(?m)^#   livetail (serve .*)$`).FindStringSubmatch(docs(t, name))
		if serve == nil {
			t.Fatalf("%s does not say how livetail is started", name)
		}
		lines[name] = strings.Fields(serve[1])
	}
	for name, args := range lines {
		var cfg config.Config
		flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
		cfg.Bind(flags)
		if len(args) == 0 || args[0] != "serve" {
			t.Errorf("%s: %q", name, args)
			continue
		}
		err := flags.Parse(args[1:])
		if err == nil {
			cfg.Roots = flags.Args()
			err = cfg.Validate()
		}
		if err != nil {
			t.Errorf("%s: %q: %v", name, args, err)
		}
	}
}

func TestDocs_NginxFiles_AreUnderstood(t *testing.T) {
	nginx := installed(t, "nginx", "nginx")
	dir := t.TempDir()
	cert, key := certificate(t)
	grafana := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindStringSubmatch(docs(t, "observability.md"))
	if grafana == nil {
		t.Fatal("observability.md has no settings for nginx")
	}
	for name, text := range map[string]string{
		"livetail": strings.NewReplacer("/etc/ssl/logs.example.org.pem", cert, "/etc/ssl/logs.example.org.key", key).Replace(docs(t, "proxy/nginx.conf")),
		"grafana":  grafana[1],
		"mistaken": "proxy_buffring off;",
	} {
		conf := put(t, dir, name+".conf", "error_log stderr; pid "+dir+"/nginx.pid;\nevents {}\nhttp {\naccess_log off;\n"+text+"\n}\n")
		out, err := exec.CommandContext(t.Context(), nginx, "-t", "-q", "-p", dir, "-c", conf).CombinedOutput()
		if (err == nil) != (name != "mistaken") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if name != "mistaken" && bytes.Contains(out, []byte("[warn] ")) {
			t.Logf("%s: %s", name, out)
		}
	}
}

func TestDocs_Caddyfile_IsUnderstood(t *testing.T) {
	caddy := installed(t, "caddy", "caddy")
	dir := t.TempDir()
	const hash = "$2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG" // of a word that nobody has
	text := strings.Replace(docs(t, "proxy/Caddyfile"), "PUT_THE_HASH_HERE", hash, 1)
	for name, text := range map[string]string{"livetail": text, "mistaken": strings.Replace(text, "flush_interval", "flush_intervall", 1)} {
		cmd := exec.CommandContext(t.Context(), caddy, "adapt", "--adapter", "caddyfile", "--validate", "--config", put(t, dir, name, text))
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
		if out, err := cmd.CombinedOutput(); (err == nil) != (name == "livetail") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
