package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/livetail/livetail/"

// root is the top of the repository, seen from this package's folder.
var root = filepath.Join("..", "..")

// within reports whether package pkg, without the module's prefix, is dir or lies below it.
func within(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// plugin/grafana is not among them: it is a module of its own, and a client of the front door, for which host/client is made.
//
// allowed says which of the module's own packages a package may import. The direction is host → plugin/tail and simulator → host/client;
// the program that users install is put together in host/cmd/livetail alone.
func allowed(from, to string) bool {
	switch {
	case within(from, "host/e2e"):
		return true
	case from == "plugin/tail/tailtest" && to == "plugin/internal/level":
		return true // The tailer in memory finds the level of a line as the real one does; nobody who imports the contract itself gets it.
	case within(from, "plugin/tail"):
		return within(to, "plugin/tail")
	case within(from, "plugin"):
		return within(to, "plugin")
	case within(from, "simulator"):
		return within(to, "simulator") || to == "host/client" || to == "plugin/tail"
	case within(from, "host/cmd/livetail"):
		return within(to, "host") || to == "plugin/tail" || to == "plugin/filetail" || to == "simulator"
	case within(from, "host/internal/hub"):
		return to == "plugin/tail" || within(to, "host/internal/hub") // It knows neither the wire to the plugin nor the one to the viewer.
	case within(from, "host"):
		return within(to, "host") || to == "plugin/tail"
	default:
		return false
	}
}

func TestImports_PointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(bytes.NewReader(out))
	packages := 0
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages++
		from := strings.TrimPrefix(p.ImportPath, module)
		for _, i := range p.Imports {
			if to, own := strings.CutPrefix(i, module); own && !allowed(from, to) {
				t.Errorf("%s imports %s", from, to)
			}
		}
	}
	if packages < 10 {
		t.Errorf("go list named %d packages: it did not see the whole module", packages)
	}
}

func TestTopLevel_HoldsTheRoomsAndNothingElse(t *testing.T) {
	want := []string{"README.md", "docker-compose.yml", "docs", "go.mod", "go.sum", "host", "plugin", "simulator"}
	out, err := exec.Command("git", "-C", root, "ls-files").Output()
	if err != nil {
		t.Skipf("not a git checkout, so what belongs to it cannot be told: %v", err)
	}
	var got []string
	for name := range strings.Lines(string(out)) {
		top, _, _ := strings.Cut(strings.TrimSpace(name), "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(got, top) {
			got = append(got, top)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDocs_LinksNameFilesThatExist(t *testing.T) {
	var pages []string
	for _, dir := range []string{"docs", "plugin", "host", "simulator"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			if err == nil && strings.HasSuffix(path, ".md") {
				pages = append(pages, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, link := range links(string(text)) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link)); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, link)
			}
		}
	}
}

// links returns the relative targets of the Markdown links in text, without fragments.
func links(text string) []string {
	var out []string
	for {
		_, rest, ok := strings.Cut(text, "](")
		if !ok {
			return out
		}
		target, after, ok := strings.Cut(rest, ")")
		text = after
		target, _, _ = strings.Cut(target, "#")
		if ok && target != "" && !strings.Contains(target, ":") && !strings.ContainsAny(target, " \n\t") {
			out = append(out, target)
		}
	}
}
