package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestNew_EachRecordIsOneLineOfJSON(t *testing.T) {
	var out bytes.Buffer
	log, err := New(&out, "info")
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("too little to be written")
	log.WithField("root", "/var/log\n{\"level\":\"fatal\"}").WithError(errors.New("no\x00")).Warn("a <b>\nsecond line")
	got := out.String()
	if strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, "\n") {
		t.Fatalf("not one line: %q", got)
	}
	var record map[string]string
	if err := json.Unmarshal(out.Bytes(), &record); err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse(time.RFC3339, record["time"]); err != nil {
		t.Error(err)
	}
	delete(record, "time")
	for key, want := range map[string]string{
		"level": "warning", "msg": "a <b>\nsecond line", "root": "/var/log\n{\"level\":\"fatal\"}", "error": "no\x00",
	} {
		if record[key] != want {
			t.Errorf("%s is %q, want %q", key, record[key], want)
		}
	}
	if len(record) != 4 {
		t.Errorf("record %v", record)
	}
}

func TestNew_UnknownLevel_IsNamed(t *testing.T) {
	if _, err := New(&bytes.Buffer{}, "loud"); err == nil || !strings.Contains(err.Error(), `"loud"`) {
		t.Errorf("err = %v", err)
	}
}
