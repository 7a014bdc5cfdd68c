package follow

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// T11: the real logrotate, 10 rotations each while the reader rests.
func TestFollow_Logrotate_DeliversAll(t *testing.T) {
	bin, err := exec.LookPath("logrotate")
	if err != nil {
		if bin, err = exec.LookPath("/usr/sbin/logrotate"); err != nil {
			t.Skip("logrotate is not installed")
		}
	}
	for name, c := range map[string]struct {
		options string
		copies  bool // its copies lose what is written in between, so the reader must not lag
	}{
		"create":        {"create\nrotate 3", false},
		"compress":      {"create\ncompress\nrotate 3", false},
		"delaycompress": {"create\ncompress\ndelaycompress\nrotate 3", false},
		"nocreate":      {"nocreate\nrotate 3", false},
		"dateext":       {"create\ndateext\ndateformat -%Y%m%d-%s\nrotate 30", false},
		"extension":     {"create\nextension .log\nrotate 3", false},
		"olddir":        {"create\nolddir old\nrotate 3", false},
		"copytruncate":  {"copytruncate\nrotate 30", true},
		"renamecopy":    {"renamecopy\ncreate\nrotate 30", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.must(os.Mkdir(w.path("old"), 0o755))
			w.must(os.Chmod(w.dir, 0o755))
			conf := fmt.Sprintf("%s {\nsu root root\n%s\n}\n", w.path("app.log"), c.options)
			if os.Getuid() != 0 {
				conf = fmt.Sprintf("%s {\n%s\n}\n", w.path("app.log"), c.options)
			}
			w.must(os.WriteFile(w.path("conf"), []byte(conf), 0o644))
			w.write("app.log", numbered(0, 1000))
			r := w.follow(tail.StartAtBeginning())
			want := numbered(0, 1000)
			rotations := 10
			if name == "dateext" {
				rotations = 3
			}
			for i := 1; i <= rotations; i++ {
				// With dateext it makes a name of the second, and skips a second rotation in the same one.
				for now := time.Now().Unix(); name == "dateext" && time.Now().Unix() == now; {
					r.ask()
				}
				out, err := exec.Command(bin, "-f", "-s", w.path("state"), w.path("conf")).CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				text := numbered(i*1000, i*1000+1000)
				want += text
				w.write("app.log", text)
				r.ask() // Each generation lives until it has been seen; that it does on its own is another test's business.
				if c.copies {
					r.until(want)
				}
			}
			r.until(want)
			for _, e := range r.events {
				if g, ok := e.(tail.Gap); ok && g.Certain {
					t.Errorf("gap %+v", g)
				}
			}
		})
	}
}
