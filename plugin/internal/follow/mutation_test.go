//go:build mutation

package follow

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutation switches one rule of the engine off. Tests that then pass hold nothing.
type mutation struct {
	rule     string
	file     string // below plugin/internal
	old, new string // old stands there once
	pkg      string // whose tests notice; below plugin/internal
	run      string // the tests that have to fail, at least one of them
}

var mutations = []mutation{
	{"overlap check: the bytes before the offset are compared", "follow/identity.go",
		"func (w *window) holds(b []byte) bool { return bytes.Equal(w.bytes(), b) }", "func (w *window) holds(b []byte) bool { return len(b) == w.n }", "follow", "OtherBytes"},
	{"overlap check: the bytes at the beginning of the file are compared", "follow/identity.go",
		"return w.holds(o.bytes()) && bytes.Equal(w.first(), o.first())", "return w.holds(o.bytes())", "follow", "EndAlike"},
	{"late lines: what was left is compared with what stands there", "follow/late.go",
		`if err == nil && p.Check != "" && w.check() != p.Check {`, "if false {", "follow", "WrittenOver"},
	{"copies: what is written over one is read where it was written first", "follow/chain.go",
		"if g.found && g.next != nil || g.settled && !shrank {", "if shrank && false {", "follow", "WrittenOver|Shredded"},
	{"sizes: one that was taken before somebody began to read does not count", "follow/measure.go",
		"if g.beginnings != since {", "if false {", "follow", "SomebodyHasBegun"},
	{"overlap check on resumption", "follow/resume.go",
		`case err == nil && (p.Check == "" || w.check() == p.Check) && p.Offset >= g.from:`, `case err == nil && w.n >= 0 && p.Offset >= g.from:`, "follow", "RewrittenWhile"},
	{"seal: a generation is left only when nobody writes to it any more", "follow/measure.go",
		"if !l.complete(g, next, now) {", "if false {", "follow", "WriterSwitchesLate|LastWriter"},
	{"seal by lease: it is left as soon as nobody has it open", "follow/held.go",
		"free = true", "free = false", "follow", "LastWriter"},
	{"pin: generations are held open, whatever becomes of their names", "follow/measure.go",
		"if len(files) <= l.e.opts.MaxHeld && bytes <= l.e.opts.MaxHeldBytes {", "if len(files) <= 1 {", "follow", "Lumberjack|ChainOf|Property/programs/tracker_keeps"},
	{"journal order: what happened first is applied first", "watch/journal.go",
		"j.events = append(j.events, e)\n\t}", "j.events = append([]Event{e}, j.events...)\n\t}", "follow", "ChainOf|Lumberjack|Property/programs/tracker_keeps"},
	{"fence: what can be seen has been told", "watch/journal.go",
		"\t\tfence(dir)\n", "", "watch", "TellsAllThatCanBeSeen"},
	{"numeric suffix: numbers are compared as numbers", "family/order.go",
		"return cmp.Compare(b.Number, a.Number)", "return cmp.Compare(b.Name, a.Name)", "family", "."},
	{"numeric suffix of stamps of the same moment", "family/order.go",
		"cmp.Compare(a.Counter, b.Counter)", "cmp.Compare(a.Name, b.Name)", "follow", "LoguruNames"},
	{"handle compare: an inode number that is given again is another file", "follow/identity.go",
		"return t.ino == id.ino && t.btime == id.btime && t.handle == id.handle", "return t.ino == id.ino", "follow", "InodeReused|Property"},
	{"confirmation: an opened file is the generation that the kernel names, not the one whose name it was opened by", "follow/look.go",
		"case at.named():", "case true:", "follow", "Assign_|Lumberjack|Property"},
	{"births: what was renamed to the path says nothing about when others lost their names", "follow/look.go",
		"return h.madeHere && ", "return ", "follow", "GoneAs"},
	{"births: what lost its name before another was made is not what lost it later", "follow/look.go",
		"case at.gone && l.madeBetween(o.left, at.since), l.bornOutOfTurn(o.seq, h.id.btime):", "case l.bornOutOfTurn(o.seq, h.id.btime):", "follow", "GoneAs"},
	{"turn: a link that was seen too early waits until it is renamed to the path", "follow/links.go",
		"if now != nil && l.madeAfter(a, now) {", "if false {", "follow", "NextLink"},
	{"copy: the unread rest of an emptied file is looked for in its copy", "follow/copied.go",
		"best = c\n\t}", "l.discard(c)\n\t}", "follow", "CopyTruncateWithMuchUnread"},
	{"history: a rotated file that cannot be opened is lost, not left out", "follow/history.go",
		"g = missed(f, err)", "continue", "follow", "CannotBeOpened"},
	{"history: what names have moved on to is listed again", "follow/history.go",
		"\t\tif moved {\n", "\t\tif moved = false; moved {\n", "follow", "NamesMoveOn"},
	{"history: the archive of a generation that is held is not older than it", "follow/archived.go",
		"if l.isFormOf(f, nameless) {", "if l.isFormOf(f, nameless) && false {", "follow", "ReadOnce"},
}

// TestMutation_EachRuleSwitchedOff_IsNoticed runs the tests once for each rule, with the rule taken out of the source.
func TestMutation_EachRuleSwitchedOff_IsNoticed(t *testing.T) {
	for _, m := range mutations {
		t.Run(m.rule, func(t *testing.T) {
			name, err := filepath.Abs(filepath.Join("..", m.file))
			if err != nil {
				t.Fatal(err)
			}
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), m.old); n != 1 {
				t.Fatalf("%q stands in %s %d times, not once: the rule has moved", m.old, m.file, n)
			}
			dir := t.TempDir()
			changed := filepath.Join(dir, filepath.Base(name))
			if err := os.WriteFile(changed, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o644); err != nil {
				t.Fatal(err)
			}
			overlay, err := json.Marshal(map[string]map[string]string{"Replace": {name: changed}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dir+"/overlay.json", overlay, 0o644); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			cmd := exec.Command("go", "test", "-overlay", dir+"/overlay.json", "-count=3", "-failfast", "-timeout=5m", "-run", m.run, "../"+m.pkg)
			cmd.Env = append(os.Environ(), "LIVETAIL_TEST_PATIENCE=3s")
			out, err := cmd.CombinedOutput()
			failed := failures(string(out))
			switch {
			case strings.Contains(string(out), "[build failed]"), strings.Contains(string(out), "no tests to run"):
				t.Fatalf("%s", out)
			case err == nil:
				t.Errorf("nobody notices: %s", out)
			default:
				t.Logf("noticed after %v by %s", time.Since(start).Round(time.Second), strings.Join(failed, ", "))
			}
		})
	}
}

// failures returns the names of the tests that failed.
func failures(out string) []string {
	var names []string
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			name, _, _ := strings.Cut(rest, " ")
			names = append(names, name)
		}
	}
	if len(names) == 0 && strings.Contains(out, "panic:") {
		names = append(names, "a panic")
	}
	return names
}
