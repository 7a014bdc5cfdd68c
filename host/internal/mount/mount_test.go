package mount

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

// table mounts fakes with these logs.
func table(t *testing.T, logs map[string][]string) (*Table, map[string]*tailtest.Fake) {
	t.Helper()
	var mounts []Mount
	fakes := map[string]*tailtest.Fake{}
	for prefix, names := range logs {
		fake := tailtest.NewFake()
		for _, name := range names {
			fake.AddLog(name, prefix+" "+name)
		}
		fakes[prefix] = fake
		mounts = append(mounts, Mount{Prefix: prefix, Tailer: fake})
	}
	all, err := New(mounts...)
	if err != nil {
		t.Fatal(err)
	}
	return all, fakes
}

func TestFind_TheLongestPrefixByWholeParts(t *testing.T) {
	all, _ := table(t, map[string][]string{"/": nil, "/docker": nil, "/docker/old": nil})
	for log, want := range map[string]string{
		"/var/log/a": "/ /var/log/a", "/docker/web": "/docker /web", "/docker": "/docker /", "/docker/": "/docker /",
		"/docker-x/web": "/ /docker-x/web", "/dockerweb": "/ /dockerweb", "/docker/old/web": "/docker/old /web", "/docker/older": "/docker /older",
	} {
		m, local, ok := all.Find(log)
		if !ok || m.Prefix+" "+local != want {
			t.Errorf("%s is %v, want %s", log, m, want)
		}
		if name, _ := m.Name(local); name != strings.TrimSuffix(log, "/") {
			t.Errorf("%s comes back as %s", log, name)
		}
	}
	some, _ := table(t, map[string][]string{"/docker": nil})
	if m, _, ok := some.Find("/var/log/a"); ok {
		t.Errorf("a log of nobody is one of %s", m.Prefix)
	}
}

func TestNew_PrefixThatIsNone_IsRefused(t *testing.T) {
	for _, prefix := range []string{"", "docker", "/docker/", "//", "/a/../b", "/a//b", "/-", "/-/x", "/loki/x", "/ready", "/a b", "/a=b", "/a,b", "/a\x00", "/é", "/a?b"} {
		if _, err := New(Mount{Prefix: prefix}); err == nil {
			t.Errorf("%q was taken", prefix)
		}
	}
	if _, err := New(Mount{Prefix: "/a"}, Mount{Prefix: "/a"}); err == nil {
		t.Error("the same prefix was taken twice")
	}
}

func list(all *Table, req tail.ListRequest) (names []string, err error) {
	for e, err := range all.List(context.Background(), req) {
		if err != nil {
			return names, err
		}
		names = append(names, e.Log)
	}
	return names, nil
}

func TestList_SeveralMounts_AreOneListInOrderByTheNamesOfViewers(t *testing.T) {
	all, _ := table(t, map[string][]string{
		"/":       {"/docker-x/a", "/docker/hidden", "/docker.log", "/var/b"},
		"/docker": {"/web", "/api"},
		"/srv/in": {"/z"},
	})
	for _, c := range []struct {
		req  tail.ListRequest
		want string
	}{
		{tail.ListRequest{}, "/docker-x/a /docker.log /docker/api /docker/web /srv/in/z /var/b"},
		{tail.ListRequest{Prefix: "/"}, "/docker-x/a /docker.log /docker/api /docker/web /srv/in/z /var/b"},
		{tail.ListRequest{Prefix: "/docker"}, "/docker/api /docker/web"},
		{tail.ListRequest{Prefix: "/docker/web"}, "/docker/web"},
		{tail.ListRequest{Prefix: "/srv"}, "/srv/in/z"},
		{tail.ListRequest{Prefix: "/var"}, "/var/b"},
		{tail.ListRequest{Limit: 3}, "/docker-x/a /docker.log /docker/api"},
	} {
		names, err := list(all, c.req)
		if err != nil || strings.Join(names, " ") != c.want {
			t.Errorf("%+v: got %q, %v; want %s", c.req, names, err, c.want)
		}
	}
}

// broken is a tailer whose list breaks off after its first entry.
type broken struct {
	tail.Tailer
	err error
}

func (b broken) List(ctx context.Context, req tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return func(yield func(tail.Entry, error) bool) {
		for e := range b.Tailer.List(ctx, req) {
			if !yield(e, nil) {
				return
			}
			break
		}
		yield(tail.Entry{}, b.err)
	}
}

func TestList_OneMountDoesNotAnswer_TheOthersComeAndTheEndSaysSo(t *testing.T) {
	all, fakes := table(t, map[string][]string{"/": {"/a", "/z"}, "/docker": {"/1", "/2"}})
	all.At("/docker").Tailer = broken{fakes["/docker"], tail.ErrPluginGone}
	names, err := list(all, tail.ListRequest{})
	incomplete, ok := errors.AsType[*Incomplete](err)
	if want := []string{"/a", "/docker/1", "/z"}; !slices.Equal(names, want) || !ok || !slices.Equal(incomplete.Prefixes, []string{"/docker"}) || !errors.Is(err, tail.ErrPluginGone) {
		t.Errorf("got %q, %v", names, err)
	}
	all.At("/").Tailer = broken{fakes["/"], tail.ErrPluginGone}
	if _, err := list(all, tail.ListRequest{}); !errors.Is(err, tail.ErrPluginGone) || errors.As(err, &incomplete) {
		t.Errorf("none answers: %v", err)
	}
}

// hanging is a tailer that answers nothing.
type hanging struct{ tail.Tailer }

func (hanging) List(ctx context.Context, _ tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return func(yield func(tail.Entry, error) bool) {
		<-ctx.Done()
		yield(tail.Entry{}, ctx.Err())
	}
}

func (hanging) Info(ctx context.Context) (tail.Info, error) {
	<-ctx.Done()
	return tail.Info{}, ctx.Err()
}

func TestTailer_OneMountHangs_TheOthersAreThereAfterABoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, fakes := table(t, map[string][]string{"/": {"/a", "/z"}, "/docker": {"/1"}})
		all.At("/docker").Tailer = hanging{}
		began := time.Now()
		names, err := list(all, tail.ListRequest{})
		incomplete, ok := errors.AsType[*Incomplete](err)
		if want := []string{"/a", "/z"}; !slices.Equal(names, want) || !ok || !slices.Equal(incomplete.Missing(), []string{"/docker"}) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %q, %v", names, err)
		}
		if took := time.Since(began); took != patience {
			t.Errorf("it took %v", took)
		}
		began = time.Now()
		names, err = list(all, tail.ListRequest{})
		if took := time.Since(began); took != brief || !slices.Equal(names, []string{"/a", "/z"}) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the next list took %v and is %q, %v", took, names, err)
		}
		time.Sleep(grudge)
		began = time.Now()
		_, _ = list(all, tail.ListRequest{})
		if took := time.Since(began); took != patience {
			t.Errorf("after %v it got %v", grudge, took)
		}
		all.At("/docker").Tailer = fakes["/docker"]
		if names, err := list(all, tail.ListRequest{}); err != nil || len(names) != 3 {
			t.Errorf("when it answers again got %q, %v", names, err)
		}
		if got := all.patienceWith(all.At("/docker")); got != patience {
			t.Errorf("one that answers again may take %v", got)
		}
		all.At("/docker").Tailer = hanging{}
		info, err := all.Tailer().Info(t.Context())
		if err != nil || info.Name != "fake" || len(info.Capabilities) == 0 {
			t.Errorf("got %+v, %v", info, err)
		}
	})
}

func TestList_PrefixThatOnlyOneMountKnows_IsNoError(t *testing.T) {
	all, fakes := table(t, map[string][]string{"/": {"/a"}, "/srv/in": {"/z"}})
	all.At("/").Tailer = broken{fakes["/"], tail.ErrNotAllowed}
	if names, err := list(all, tail.ListRequest{Prefix: "/srv"}); err != nil || !slices.Equal(names, []string{"/srv/in/z"}) {
		t.Errorf("got %q, %v", names, err)
	}
	if _, err := list(all, tail.ListRequest{Prefix: "/other"}); !errors.Is(err, tail.ErrNotAllowed) {
		t.Errorf("got %v", err)
	}
}

func TestTailer_CallsGoToTheirMountByItsOwnNames(t *testing.T) {
	all, _ := table(t, map[string][]string{"/": {"/web"}, "/docker": {"/web"}})
	one := all.Tailer()
	for log, want := range map[string]string{"/web": "/ /web\n", "/docker/web": "/docker /web\n"} {
		var text string
		var at tail.Position
		for e, err := range one.Follow(t.Context(), tail.FollowRequest{Log: log, Start: tail.StartAtBeginning()}) {
			if err != nil {
				t.Fatal(err)
			}
			if l, ok := e.(tail.Lines); ok {
				text += string(l.Text)
				at = l.Start
			}
		}
		page, err := one.Read(t.Context(), tail.ReadRequest{Log: log, At: at, Lines: 1})
		if text != want || err != nil || string(page.Events[0].(tail.Lines).Text) != want {
			t.Errorf("%s: got %q, %+v, %v", log, text, page, err)
		}
	}
	for _, log := range []string{"/docker/none", "/docker"} {
		for _, err := range one.Follow(t.Context(), tail.FollowRequest{Log: log}) {
			if !errors.Is(err, tail.ErrNotFound) || !strings.HasPrefix(err.Error(), "/docker: ") {
				t.Errorf("%s: %v", log, err)
			}
		}
	}
	info, err := one.Info(t.Context())
	if err != nil || info.Name != "fake and fake" {
		t.Errorf("got %+v, %v", info, err)
	}
}
