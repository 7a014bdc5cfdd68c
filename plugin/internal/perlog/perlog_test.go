package perlog

import (
	"strconv"
	"strings"
	"testing"
)

func TestRules_FirstThatFits_Decides(t *testing.T) {
	r, err := Parse([]string{"/var/log/old/app.log=0", "/var/log/old/*.log=1", "2", "/srv/wide/=3", "/a=b.log=1"}, strconv.Atoi)
	if err != nil {
		t.Fatal(err)
	}
	for log, want := range map[string]int{
		"/var/log/old/app.log": 0, "/var/log/old/web.log": 1, "/var/log/old/deep/web.log": 2, "/var/log/x": 2,
		"/srv/wide/deep/x": 3, "/srv/wide": 2, "/a=b.log": 1,
	} {
		if got := r.Of(log); got != want {
			t.Errorf("%s is %v, want %v", log, got, want)
		}
	}
	if got := (Rules[int]{}).Of("/x"); got != 0 {
		t.Errorf("without rules: %v", got)
	}
}

func TestRules_ThatMakeNoSense_AreRefused(t *testing.T) {
	for text, says := range map[string]string{
		"many": "many", "": "parsing", "/x=": "parsing", "*.log=1": "absolute", "=1": "absolute", "/[=1": "cannot be read", "/x=1=koi8": "koi8",
	} {
		if _, err := Parse([]string{text}, strconv.Atoi); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Parse(make([]string, maxRules+1), strconv.Atoi); err == nil || !strings.Contains(err.Error(), "allowed") {
		t.Error("any number is accepted")
	}
}
