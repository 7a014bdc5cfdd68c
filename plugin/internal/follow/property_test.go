package follow

import (
	"flag"
	"os"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/tail"
)

func runModel(t *rapid.T, noEvents, synced bool) {
	dir, err := os.MkdirTemp("", "model")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	g, err := guard.New([]string{dir}, guard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := &model{t: t, dir: dir, g: g, synced: synced, last: -1, lostable: map[int]bool{}, unseen: map[int]bool{}, stamped: rapid.Bool().Draw(t, "stamped")}
	m.options = Options{Guard: g, Poll: 2 * time.Millisecond, Quiet: 5 * time.Millisecond, Rest: 20 * time.Millisecond, NoEvents: noEvents}
	m.startEngine()
	defer func() {
		m.r.Close()
		m.e.Close()
	}()
	if rapid.Bool().Draw(t, "exists") {
		f, err := os.Create(m.path())
		m.must(err)
		m.must(f.Close())
		m.exists = true
	}
	m.openReader(tail.StartAtBeginning())
	for range rapid.IntRange(1, 40).Draw(t, "length") {
		switch rapid.SampledFrom([]string{
			"write", "write", "write", "partial", "rotate", "rotate", "move", "removeOldest", "removeLive", "replace", "truncate", "step", "step", "drain",
			"restart", "reopen",
		}).Draw(t, "op") {
		case "write":
			m.write(rapid.IntRange(1, 30).Draw(t, "lines"), false)
		case "partial":
			m.write(rapid.IntRange(0, 3).Draw(t, "lines"), true)
		case "rotate":
			m.rotate(true)
		case "move":
			m.rotate(false)
		case "removeOldest":
			m.removeOldest()
		case "removeLive":
			m.removeLive()
		case "replace":
			m.replace()
		case "truncate":
			m.truncate()
		case "step":
			m.step(rapid.IntRange(1, 4).Draw(t, "events"))
		case "drain":
			m.step(200)
		case "restart":
			m.restart()
		case "reopen":
			m.reopen()
		}
	}
	m.finish()
	m.judge()
}

// programs is how many random programs are run, a third of each kind. A program mostly waits, so many run side by side.
var programs = flag.Int("programs", 300, "how many random programs the property test runs")

func TestProperty_DeliveredPlusDeclaredIsWritten(t *testing.T) {
	kinds := []struct {
		name             string
		noEvents, synced bool
	}{
		{"tracker keeps up", false, true},
		{"tracker races", false, false},
		{"polling keeps up", true, true},
	}
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		each := (*programs + len(kinds)*propertyLanes - 1) / (len(kinds) * propertyLanes)
		if err := flag.Set(f.Name, strconv.Itoa(each)); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = flag.Set(f.Name, f.DefValue) }()
	}
	t.Run("programs", func(t *testing.T) { // Which returns when all of them have ended.
		for _, k := range kinds {
			for range propertyLanes {
				t.Run(k.name, func(t *testing.T) {
					t.Parallel()
					rapid.Check(t, func(t *rapid.T) { runModel(t, k.noEvents, k.synced) })
				})
			}
		}
	})
}

// propertyLanes is how many programs of one kind run side by side, if -parallel allows it.
const propertyLanes = 10
