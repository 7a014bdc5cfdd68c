package encoding

import (
	"strings"
	"testing"
)

func TestRules_FirstThatFits_Decides(t *testing.T) {
	r, err := ParseRules([]string{"/var/log/old/app.log=utf-8", "/var/log/old/*.log=GBK", "gb18030", "/srv/wide/=utf16le", "/a=b.log=gbk"})
	if err != nil {
		t.Fatal(err)
	}
	for log, want := range map[string]Encoding{
		"/var/log/old/app.log": UTF8, "/var/log/old/web.log": GBK, "/var/log/old/deep/web.log": GB18030, "/var/log/x": GB18030,
		"/srv/wide/deep/x": UTF16LE, "/srv/wide": GB18030, "/a=b.log": GBK,
	} {
		if got := r.Of(log); got != want {
			t.Errorf("%s is %v, want %v", log, got, want)
		}
	}
	if got := (Rules{}).Of("/x"); got != UTF8 {
		t.Errorf("without rules: %v", got)
	}
}

func TestRules_ThatMakeNoSense_AreRefused(t *testing.T) {
	for _, text := range []string{"latin1", "", "/x=", "*.log=gbk", "=gbk", "/[=gbk", "/x=gbk=koi8"} {
		if _, err := ParseRules([]string{text}); err == nil || !strings.Contains(err.Error(), "encoding") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ParseRules(make([]string, maxRules+1)); err == nil {
		t.Error("any number is accepted")
	}
}
