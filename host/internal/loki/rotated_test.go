package loki

import (
	"slices"
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

func TestWithoutRotated_GenerationsAreNoLogsOfTheirOwn(t *testing.T) {
	rotated := []string{
		"/l/app.log.1", "/l/app.log.12", "/l/app.log.2.gz", "/l/app.log.gz", "/l/app.log-20261123", "/l/app.log-20261123.zst", "/l/app.log.2026-11-23",
		"/l/app-2026-11-23T07-00-00.000.log", "/l/app-2026-11-23T07-00-00.000.log.gz", "/l/app.2026-11-23_07-00-00_000000.log", "/l/app.log-1795392072",
		"/l/app.log.1.backup", "/l/syslog.1", "/l/syslog.2.gz",
	}
	logs := []string{"/l/app.log", "/l/app-1.log", "/l/app.1.log", "/l/apps.log", "/l/syslog", "/l/other.log.1", "/m/app.log.1", "/l/app.log.old.txt", "/l/app.log.d"}
	var entries []tail.Entry
	for _, name := range slices.Concat(rotated, logs) {
		entries = append(entries, tail.Entry{Log: name})
	}
	var got []string
	for _, e := range withoutRotated(entries) {
		got = append(got, e.Log)
	}
	if !slices.Equal(got, logs) {
		t.Errorf("\n got %q\nwant %q", got, logs)
	}
}
