package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"livetail-simulator": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/scripts", RequireExplicitExec: true, Setup: func(e *testscript.Env) error {
		// Commands that are followed are the system's own.
		e.Setenv("PATH", e.Getenv("PATH")+string(os.PathListSeparator)+os.Getenv("PATH"))
		return nil
	}})
}

func TestSize_WrittenInEveryUnit_IsBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"100MB": 100 << 20, "64KiB": 64 << 10, "1.5g": 3 << 29, "4096": 4096, "10 b": 10, "2T": 2 << 40, "0": 0,
	} {
		var s size
		if err := s.Set(text); err != nil || int64(s) != want {
			t.Errorf("%q is %d (%v), want %d", text, s, err, want)
		}
		var again size
		if err := again.Set(s.String()); err != nil || again != s {
			t.Errorf("%q is written %q, which is %d (%v)", text, s.String(), again, err)
		}
	}
	for _, text := range []string{"", "MB", "-1", "1XB", "1e400", "nan", "9999999TB"} {
		var s size
		if err := s.Set(text); err == nil {
			t.Errorf("%q is accepted as %d", text, s)
		}
	}
}

func TestCount_HasCommas(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := count(n); got != want {
			t.Errorf("%d is written %q, want %q", n, got, want)
		}
	}
}
