package tail_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed are the modules that this package may depend on, with the reason for each. Whoever imports the contract imports all of them,
// so the list is meant to stay short.
var allowed = map[string]string{
	"github.com/livetail/livetail/plugin/tail": "itself and its wire form",
	"github.com/hashicorp/go-plugin":           "processes as plugins: handshake, mutual TLS, versions",
	"github.com/hashicorp/go-hclog":            "go-plugin's logger is part of its API",
	"github.com/hashicorp/yamux":               "go-plugin's older protocol, which is not used",
	"github.com/oklog/run":                     "go-plugin's broker",
	"github.com/golang/protobuf":               "go-plugin's own messages",
	"github.com/fatih/color":                   "go-hclog",
	"github.com/mattn/go-colorable":            "go-hclog",
	"github.com/mattn/go-isatty":               "go-hclog",
	"google.golang.org/grpc":                   "the connection between host and plugin",
	"google.golang.org/protobuf":               "the messages on it",
	"google.golang.org/genproto":               "gRPC's status",
	"golang.org/x/net":                         "gRPC's HTTP/2",
	"golang.org/x/sys":                         "gRPC, go-isatty",
	"golang.org/x/text":                        "gRPC's HTTP/2",
}

func TestImports_NothingButWhatTheContractNeeds(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "-deps", ".").Output()
	if err != nil {
		t.Skipf("no go command: %v", err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		covers := func(module string) bool { return dep == module || strings.HasPrefix(dep, module+"/") }
		modules := make([]string, 0, len(allowed))
		for m := range allowed {
			modules = append(modules, m)
		}
		if !slices.ContainsFunc(modules, covers) {
			t.Errorf("the contract depends on %s now: do without it, or give a reason for it here", dep)
		}
	}
}
