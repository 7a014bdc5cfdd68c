package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// logcli is Loki's own client, where there is one: livetail does not bring it, because of its licence.
type logcli struct {
	t          *testing.T
	path, addr string
}

func newLogcli(t *testing.T, addr string) *logcli {
	t.Helper()
	path, err := exec.LookPath("logcli")
	if err != nil {
		t.Skip("no logcli on PATH; what it asks is imitated by the other tests")
	}
	return &logcli{t, path, "http://" + addr}
}

func (l *logcli) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(l.t.Context(), l.path, append([]string{"--addr=" + l.addr, "--quiet"}, args...)...)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	return cmd
}

// run returns what logcli prints.
func (l *logcli) run(args ...string) string {
	l.t.Helper()
	var out, stderr bytes.Buffer
	cmd := l.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		l.t.Fatalf("logcli %v: %v\n%s", args, err, stderr.String())
	}
	return out.String()
}

func TestLogcli_EveryCommand_ShowsWhatIsInTheFiles(t *testing.T) {
	dir := t.TempDir()
	log, other := filepath.Join(dir, "app.log"), filepath.Join(dir, "web.log")
	began := time.Now().UTC().Add(-30 * time.Minute).Truncate(time.Second)
	var lines []string
	for n := range 2500 { // More than logcli asks for at once.
		at := began.Add(time.Duration(n) * 100 * time.Millisecond)
		level := []string{"info", "warn", "error"}[n%3]
		lines = append(lines, fmt.Sprintf(`{"time":%q,"level":%q,"n":%d,"text":"tab\t \"quoted\" 你好"}`, at.Format(time.RFC3339Nano), level, n))
	}
	text := strings.Join(lines, "\n") + "\n"
	appendTo(t, log, text)
	appendTo(t, other, began.Format(time.RFC3339Nano)+" INFO one line\n")
	addr, _ := serve(t, dir)
	l := newLogcli(t, addr)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	backward := func(from, to int) string {
		part := slices.Clone(lines[from:to])
		slices.Reverse(part)
		return strings.Join(part, "\n") + "\n"
	}
	at := func(n int) string {
		return began.Add(time.Duration(n) * 100 * time.Millisecond).Format(time.RFC3339Nano)
	}
	const app = `{job="app"}`
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	for _, c := range []struct {
		what string
		args []string
		want string // regular expression for all of it, or what it is
		is   string
	}{
		{"labels", []string{"labels"}, "", "filename\nhost\njob\nservice_name\n"},
		{"values of a label", []string{"labels", "job"}, "", "app\nweb\n"},
		{"values of a label nobody has", []string{"labels", "nosuch"}, `\s*`, ""},
		{"series", []string{"series", app}, `\{filename="` + regexp.QuoteMeta(log) + `", host="` + regexp.QuoteMeta(host) + `", job="app", service_name="app"\}\n`, ""},
		{"all series", []string{"series", "{}"}, `(\{.*\}\n){2}`, ""},
		{"labels of series counted", []string{"series", "--analyze-labels", "{}"}, `Total Streams:\s+2\nUnique Labels:\s+4\n(.*\n)*job\s+2\s+2\n(.*\n)*`, ""},
		{"the last 30 lines", []string{"query", "-oraw", app}, "", backward(2470, 2500)},
		{"all lines, backward, in batches", []string{"query", "-oraw", "--limit=5000", "--batch=700", app}, "", backward(0, 2500)},
		{"all lines, forward", []string{"query", "-oraw", "--limit=5000", "--forward", app}, "", text},
		{"all lines, without a limit", []string{"query", "-oraw", "--limit=0", "--batch=333", "--forward", "--since=2h", app}, "", text},
		{"the first lines", []string{"query", "-oraw", "--limit=7", "--forward", "--since=2h", app}, "", strings.Join(lines[:7], "\n") + "\n"},
		{"since too late", []string{"query", "-oraw", "--since=1m", app}, `\s*`, ""},
		{"from and to", []string{"query", "-oraw", "--from=" + at(100), "--to=" + at(110), "--forward", app}, "", strings.Join(lines[100:110], "\n") + "\n"},
		{"two streams", []string{"query", "-oraw", "--forward", "--limit=2", `{job=~"app|web"}`}, `(.*one line\n\{.*\n|\{.*\n.*one line\n)`, ""},
		{"a filter", []string{"query", "-oraw", app + ` | json | n >= 2499`}, "", lines[2499] + "\n"},
		{"with times and labels", []string{"query", "--limit=1", "--forward", "--timezone=UTC", "--include-label=job", app},
			regexp.QuoteMeta(began.Format("2006-01-02T15:04:05Z")) + `\s+\{job="app"\}\s+` + regexp.QuoteMeta(lines[0]) + `\n`, ""},
		{"without labels", []string{"query", "--limit=1", "--forward", "--timezone=UTC", "--no-labels", app},
			regexp.QuoteMeta(began.Format("2006-01-02T15:04:05Z")) + `\s+` + regexp.QuoteMeta(lines[0]) + `\n`, ""},
		{"a metric over time", []string{"query", "--from=" + at(0), "--to=" + at(10), "--step=1s", `sum(count_over_time(` + app + `[1s]))`}, `\[\s*\{\s*"metric": \{\},\s*"values": \[(\s*\[\s*\d+,\s*"\d+"\s*\],?)+\s*\]\s*\}\s*\]\n?`, ""},
		{"a metric now", []string{"instant-query", `sum by (level) (count_over_time(` + app + ` | json [2h]))`}, `(?s)\[.*"level": "error".*"833".*"level": "info".*"834".*"level": "warn".*"833".*\]\n?`, ""},
		{"volumes", []string{"volume", `{job=~".+"}`}, `(?s)\[.*"job": "app".*"` + strconv.Itoa(size) + `".*"job": "web".*\]\n?`, ""},
		{"volumes over time", []string{"volume_range", "--step=1h", app}, `(?s)\[.*"job": "app".*"values": \[.*\].*\]\n?`, ""},
		{"fields", []string{"detected-fields", app}, `(?s).*label: n\s+type: int\s+cardinality: 100.*`, ""},
		{"statistics", []string{"stats", app}, `(?s)\{.*bytes:.*` + `\}\n?`, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := (&logcli{t, l.path, l.addr}).run(c.args...)
			if c.want == "" && got != c.is {
				t.Errorf("logcli %v\n got %.600q\nwant %.600q", c.args, got, c.is)
			}
			if c.want != "" && !regexp.MustCompile(`^`+c.want+`$`).MatchString(got) {
				t.Errorf("logcli %v\n got %.600s\nwant %s", c.args, got, c.want)
			}
		})
	}

	t.Run("as JSON", func(t *testing.T) {
		got := (&logcli{t, l.path, l.addr}).run("query", "-ojsonl", "--limit=5000", "--forward", app)
		n := 0
		for line := range strings.Lines(got) {
			var v struct {
				Line      string
				Labels    map[string]string
				Timestamp time.Time
			}
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				t.Fatal(err)
			}
			if v.Line != lines[n] || !v.Timestamp.Equal(began.Add(time.Duration(n)*100*time.Millisecond)) {
				t.Fatalf("line %d is %q at %s", n, v.Line, v.Timestamp)
			}
			n++
		}
		if n != len(lines) {
			t.Errorf("%d lines", n)
		}
	})
	t.Run("a mistake", func(t *testing.T) {
		out, err := l.command("query", `{job=}`).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "parse error at line 1, col 6: syntax error: unexpected }, expecting STRING") {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func TestLogcli_TailThroughFiveRotationsAndTheDeathOfThePlugin_IsTheFileByteForByte(t *testing.T) {
	const each = 400
	// What copies and empties a log under its writer loses lines that the tail still shows, so that no file is the whole of it; the quiet one does not,
	// but nobody can know that who looks at the files: the tail says that lines may be missing.
	for _, kind := range []string{"lumberjack", "loguru", "logrotate", "copytruncate-quiet", "python"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			logcliFollows(t, []string{kind, kind, kind, kind, kind}, each)
		})
	}
	t.Run("of five kinds", func(t *testing.T) {
		t.Parallel()
		logcliFollows(t, []string{"lumberjack", "logrotate", "copytruncate-quiet", "python", "loguru"}, each)
	})
}

// logcliFollows has the simulator write a log, which is rotated once by each of kinds, under logcli --tail, and kills the plugin on the way.
func logcliFollows(t *testing.T, kinds []string, lines int) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "first line\n")
	addr, door := serve(t, dir)
	l := newLogcli(t, addr)
	cmd := l.command("query", "--tail", "--output=raw", "--limit=5000", `{job="app"}`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	stop := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	follows := bufio.NewReader(out)
	if line, err := follows.ReadString('\n'); err != nil || line != "first line\n" { // It is connected.
		t.Fatalf("%q: %v", line, err)
	}
	for n, kind := range kinds {
		args := []string{
			"run", "--file", log, "--rotate", kind, "--first", strconv.Itoa(n*lines + 1), "--count", strconv.Itoa(lines), "--rate", "400", "--sequence",
			"--stream", "s", "--max-backups", "0", "--max-size", rotateSize(t, log, lines),
		}
		producer := start(t, "livetail-simulator", args...)
		if n == len(kinds)/2 {
			_ = syscall.Kill(plugin(t, door), syscall.SIGKILL)
		}
		if code := producer.wait(); code != 0 || !strings.Contains(producer.said(), `"rotations":1,`) {
			t.Fatalf("the producer ended with %d, or did not rotate once:\n%s", code, producer.said())
		}
	}
	want := inOrder(t, dir)
	var got strings.Builder
	got.WriteString("first line\n")
	for got.Len() < len(want) {
		line, err := follows.ReadString('\n')
		if err != nil {
			differsAt(t, "the tail", got.String(), want)
			t.Fatalf("it ended after %d of %d bytes: %v", got.Len(), len(want), err)
		}
		if line == "livetail: lines may be missing here (copy_window)\n" && slices.Contains(kinds, "copytruncate-quiet") {
			continue
		}
		got.WriteString(line)
	}
	differsAt(t, "the tail", got.String(), want)
	differsAt(t, "the query", l.run("query", "--forward", "--limit=0", "--batch=700", "--since=2h", "--output=raw", `{job="app"}`), want)
}

// differsAt says in which line a text is not what it should be.
func differsAt(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	a, b := strings.SplitAfter(got, "\n"), strings.SplitAfter(want, "\n")
	n := 0
	for n < min(len(a), len(b))-1 && a[n] == b[n] {
		n++
	}
	t.Errorf("%s has %d bytes, the files %d; line %d is\n%.200q, in the files\n%.200q", what, len(got), len(want), n+1, a[n], b[n])
}

// rotateSize is a size at which a log is rotated once while so many lines are written, in the middle.
func rotateSize(t *testing.T, log string, lines int) string {
	t.Helper()
	s, err := os.Stat(log)
	if err != nil {
		t.Fatal(err)
	}
	const lineSize = 110
	return strconv.FormatInt(s.Size()+int64(lines)*lineSize*2/3, 10) + "B"
}

var sequence = regexp.MustCompile(`#s\.(\d+)\.`)

// inOrder is the content of all files in dir, in order of the numbers of their lines.
func inOrder(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	type file struct {
		first int
		text  string
	}
	var files []file
	for _, e := range entries {
		text := content(t, []string{filepath.Join(dir, e.Name())})
		if m := sequence.FindStringSubmatch(text); m != nil {
			first, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file{first, text})
		}
	}
	slices.SortFunc(files, func(a, b file) int { return a.first - b.first })
	var out strings.Builder
	for _, f := range files {
		out.WriteString(f.text)
	}
	return out.String()
}
