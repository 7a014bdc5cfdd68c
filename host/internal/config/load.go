package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// EnvPrefix begins the name of every environment variable that is a setting.
const EnvPrefix = "LIVETAIL_"

// maxFile bounds the YAML file, in bytes.
const maxFile = 1 << 20

// EnvName is the environment variable that says the same as the flag.
func EnvName(flag string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Unknown returns the environment variables among environ (NAME=value) that look like settings and are none. Those that Kubernetes makes for
// a service of the name livetail are left out.
func Unknown(fs *pflag.FlagSet, environ []string) []string {
	known := []string{EnvName("roots")}
	fs.VisitAll(func(f *pflag.Flag) { known = append(known, EnvName(f.Name)) })
	var unknown []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		rest, ours := strings.CutPrefix(name, EnvPrefix)
		switch {
		case !ours, slices.Contains(known, name), strings.HasPrefix(rest, "SERVICE_"), rest == "PORT", strings.HasPrefix(rest, "PORT_"):
		default:
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// Load fills in what the command line left open, from the environment and then from the file that --config names. The command line has been
// parsed into fs, and args are what remained of it: the roots.
func (c *Config) Load(fs *pflag.FlagSet, args []string, getenv func(string) string) error {
	if !fs.Changed("config") {
		c.File = getenv(EnvName("config"))
	}
	values := map[string]any{}
	if c.File != "" {
		var err error
		if values, err = readFile(c.File); err != nil {
			return err
		}
	}
	var err error
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Name == "config" || f.Name == "help" {
			return // No settings: the file may not hold them.
		}
		if err != nil || f.Changed {
			delete(values, f.Name)
			return
		}
		if v := getenv(EnvName(f.Name)); v != "" {
			err = set(fs, f, EnvName(f.Name), v)
		} else if v, ok := values[f.Name]; ok {
			err = set(fs, f, c.File+": "+f.Name, v)
		}
		delete(values, f.Name)
	})
	if err != nil {
		return err
	}
	c.Roots = args
	if len(c.Roots) == 0 {
		if v := getenv(EnvName("roots")); v != "" {
			c.Roots = strings.Split(v, string(os.PathListSeparator))
		} else if v, ok := values["roots"]; ok {
			if c.Roots, ok = strs(v); !ok {
				return &Error{c.File + ": roots", "is not a list of paths, such as [/var/log]"}
			}
		}
	}
	delete(values, "roots")
	for name := range values {
		return &Error{c.File + ": " + name, "is not a setting; livetail serve --help lists them"}
	}
	return nil
}

// set gives flag f the value v, which came from where.
func set(fs *pflag.FlagSet, f *pflag.Flag, where string, v any) error {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		items, ok := strs(v)
		if s, isString := v.(string); isString {
			items, ok = strings.Split(s, ","), true
		}
		if !ok {
			return &Error{where, "is not a list"}
		}
		if err := list.Replace(items); err != nil {
			return &Error{where, err.Error()}
		}
		return nil
	}
	switch v.(type) {
	case nil:
		return &Error{where, "has no value"}
	case map[string]any, []any:
		return &Error{where, "is not a single value"}
	}
	if err := fs.Set(f.Name, fmt.Sprint(v)); err != nil {
		return &Error{where, fmt.Sprintf("%q is %s", fmt.Sprint(v), wanted[f.Value.Type()])}
	}
	f.Changed = false // It was not on the command line.
	return nil
}

// wanted says what a value of a type is not, by the names that pflag gives to types.
var wanted = map[string]string{
	"duration": "no length of time; write for example 10s or 5m", "int": "no whole number", "float64": "no number", "bool": "neither true nor false",
	"string": "no text",
}

// strs makes v, a YAML list of scalars, into strings.
func strs(v any) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		switch e.(type) {
		case map[string]any, []any, nil:
			return nil, false
		}
		out = append(out, fmt.Sprint(e))
	}
	return slices.Clip(out), true
}

func readFile(name string) (map[string]any, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, &Error{"config", err.Error()}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &Error{"config", err.Error()}
	}
	if len(data) > maxFile {
		return nil, &Error{"config", fmt.Sprintf("%s is larger than %d bytes", name, maxFile)}
	}
	values := map[string]any{}
	yml := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	switch err := yml.Decode(&document); {
	case errors.Is(err, io.EOF):
		return values, nil
	case err == nil && document.Content[0].Kind != yaml.MappingNode && document.Content[0].Tag != "!!null":
		return nil, &Error{"config", name + ": does not consist of lines NAME: VALUE"}
	case err == nil:
		err = document.Decode(&values)
		if err == nil {
			break
		}
		fallthrough
	default:
		return nil, &Error{"config", fmt.Sprintf("%s: %s", name, strings.ReplaceAll(err.Error(), "\n", " "))}
	}
	if err := yml.Decode(&document); !errors.Is(err, io.EOF) {
		return nil, &Error{"config", name + ": has more than one document: take out the line ---"}
	}
	return values, nil
}
