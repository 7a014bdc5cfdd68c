package main

import (
	"slices"
	"testing"
	"time"

	"github.com/livetail/livetail/host/internal/config"
)

// What the front door tells its own plugin is what that understands.
func TestOwnArgs_SettingsOfThePlugin_ReachIt(t *testing.T) {
	cfg := &config.Config{Roots: []string{"/var/log", "--x"}, Poll: time.Second, NoEvents: true, Encodings: []string{"gbk", "/a=utf-8"}, Zones: []string{"utc", "/a=+05:30"}, OldFolders: []string{"old", "/a/*=/b,c"}}
	cmd := newPlugin()
	if err := cmd.ParseFlags(ownArgs(cfg)[1:]); err != nil {
		t.Fatal(err)
	}
	encodings, _ := cmd.Flags().GetStringArray("encoding")
	zones, _ := cmd.Flags().GetStringArray("time-zone")
	folders, _ := cmd.Flags().GetStringArray("old-folder")
	poll, _ := cmd.Flags().GetDuration("poll")
	noEvents, _ := cmd.Flags().GetBool("no-events")
	if !slices.Equal(encodings, cfg.Encodings) || !slices.Equal(zones, cfg.Zones) || !slices.Equal(folders, cfg.OldFolders) || poll != cfg.Poll || !noEvents || !slices.Equal(cmd.Flags().Args(), cfg.Roots) {
		t.Errorf("it got %q, %q, %q, %v, %v, %q", encodings, zones, folders, poll, noEvents, cmd.Flags().Args())
	}
}
