package level

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

func cases(t testing.TB) (out [][2]string) {
	t.Helper()
	data, err := os.ReadFile("testdata/levels.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOf_SharedCases_AreAsThePageSees(t *testing.T) {
	for _, c := range cases(t) {
		if got := Of([]byte(c[0])); got.String() != c[1] {
			t.Errorf("%q: got %q, want %q", c[0], got, c[1])
		}
		if got := Of([]byte(c[0] + "\n")); got.String() != c[1] {
			t.Errorf("%q with its ending: got %q, want %q", c[0], got, c[1])
		}
	}
}

func TestOf_LevelFarInTheLine_IsNotLookedFor(t *testing.T) {
	if got := Of([]byte(strings.Repeat("x ", look/2) + "ERROR")); got != tail.LevelNone {
		t.Errorf("got %q", got)
	}
}

func TestOf_AllocatesNothing(t *testing.T) {
	for _, c := range cases(t) {
		line := []byte(c[0])
		if n := testing.AllocsPerRun(10, func() { Of(line) }); n > 0 {
			t.Errorf("%q: %v allocations", c[0], n)
		}
	}
}

func FuzzOf(f *testing.F) {
	for _, c := range cases(f) {
		f.Add([]byte(c[0]))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if l := Of(line); l < tail.LevelNone || l >= tail.Levels {
			t.Errorf("level %d", l)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	line := []byte("2026-11-23 09:36:44.717 | INFO     | shop.orders:handle:123 - request served id=13006 path=/api/orders")
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		Of(line)
	}
}
