package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// A hundred megabytes, written as fast as the producer can, through lumberjack, which rotates once on the way. The client begins at the
// beginning, so it does not matter how much is written before it is connected.
func TestRotation_HundredMegabytesThroughLumberjack_ArriveCompleteAndInOrder(t *testing.T) {
	for _, c := range []struct{ protocol, lines, maxSize string }{
		{"plain", "740000", "60MB"},
		{"livetail", "140000", "12MB"},
	} {
		t.Run(c.protocol, func(t *testing.T) {
			dir := t.TempDir()
			log := filepath.Join(dir, "simulator.log")
			addr, _ := serve(t, dir)
			verifier := start(t, "livetail-simulator", "verify", "--protocol", c.protocol, "--from-first", "--count", c.lines, "--timeout", "3m",
				"ws://"+addr+log+"?wait=1&tail=1&from=beginning")
			producer := start(t, "livetail-simulator", "run", "--file", log, "--sequence", "--count", c.lines, "--max-size", c.maxSize,
				"--message", "你好aaa 0123456789012345678901234567")
			if code := producer.wait(); code != 0 {
				t.Fatalf("the producer ended with %d:\n%s", code, producer.said())
			}
			if !strings.Contains(producer.said(), `"rotations":1,`) {
				t.Errorf("the producer did not rotate once:\n%s", producer.said())
			}
			if code := verifier.wait(); code != 0 {
				t.Errorf("the verifier ended with %d", code)
			}
			t.Log(verifier.said())
		})
	}
}
