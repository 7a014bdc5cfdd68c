package doctor

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// rule is a block of logrotate's settings that applies to a log.
type rule struct {
	file    string   // where it stands
	options []string // those of the block, and before them the global ones
}

// Limits of what is read of logrotate's settings.
const (
	maxSettingsFile  = 1 << 20
	maxSettingsFiles = 1000
)

// has reports whether an option is in force: the last word about it counts.
func (r rule) has(option string) bool {
	on := false
	for _, o := range r.options {
		switch name, _, _ := strings.Cut(o, " "); name {
		case option:
			on = true
		case "no" + option:
			on = false
		}
	}
	return on
}

// value returns the argument of an option, the last one counts.
func (r rule) value(option string) string {
	value := ""
	for _, o := range r.options {
		if name, rest, _ := strings.Cut(o, " "); name == option {
			value = strings.TrimSpace(rest)
		}
	}
	return value
}

// logrotate returns the rules of the system's logrotate for the log.
func (d *Doctor) logrotate(p *patient) []rule {
	names := []string{d.etc("/logrotate.conf")}
	more, _ := filepath.Glob(d.etc("/logrotate.d/*"))
	names = append(names, more...)
	paths := []string{p.log.String(), p.real.String()}
	if real, err := filepath.EvalSymlinks(p.folder.String()); err == nil {
		paths = append(paths, filepath.Join(real, p.real.Name()))
	}
	var global []string
	var out []rule
	for i, name := range names[:min(len(names), maxSettingsFiles)] {
		text, err := readSettings(name)
		if err != nil {
			continue
		}
		top, rules := parseLogrotate(text, func(pattern string) bool {
			return slices.ContainsFunc(paths, func(path string) bool {
				ok, err := filepath.Match(pattern, path)
				return err == nil && ok
			})
		})
		if i == 0 {
			global = top
		}
		for _, options := range rules {
			file := "/etc" + strings.TrimPrefix(name, d.etc(""))
			out = append(out, rule{file, slices.Concat(global, top, options)})
		}
	}
	return out
}

func readSettings(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", os.ErrInvalid
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSettingsFile))
	return string(b), err
}

// parseLogrotate returns the options outside of blocks, and those of each block one of whose patterns matches.
func parseLogrotate(text string, matches func(pattern string) bool) (global []string, rules [][]string) {
	var patterns, options []string
	inBlock, script := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case script:
			script = line != "endscript"
			continue
		case line == "" || line[0] == '#':
			continue
		}
		if !inBlock {
			head, rest, opens := strings.Cut(line, "{")
			if head = strings.TrimSpace(head); head != "" && (head[0] == '/' || head[0] == '"' || head[0] == '\'') {
				patterns = append(patterns, words(head)...)
			} else if head != "" && !opens {
				global = append(global, option(head))
			}
			if !opens {
				continue
			}
			inBlock, options = true, nil
			if line = strings.TrimSpace(rest); line == "" {
				continue
			}
		}
		body, _, closes := strings.Cut(line, "}")
		if body = strings.TrimSpace(body); body != "" {
			options = append(options, option(body))
			script = isScript(body)
		}
		if closes {
			if slices.ContainsFunc(patterns, matches) {
				rules = append(rules, options)
			}
			inBlock, patterns = false, nil
		}
	}
	return global, rules
}

func isScript(option string) bool {
	return slices.Contains([]string{"postrotate", "prerotate", "firstaction", "lastaction", "preremove"}, option)
}

// option brings an option into the form "name argument".
func option(line string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(line, "=", " ")), " ")
}

// words splits patterns at blanks outside of quotes.
func words(s string) []string {
	var out []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if q := s[0]; q == '"' || q == '\'' {
			word, rest, _ := strings.Cut(s[1:], string(q))
			out = append(out, word)
			s = rest
			continue
		}
		word, rest, _ := strings.Cut(s, " ")
		out = append(out, word)
		s = rest
	}
	return out
}

// describeRule says what a rule of logrotate means for whoever follows the log.
func (d *Doctor) describeRule(c *chart, p *patient, r rule) {
	what := fmt.Sprintf("logrotate rotates it, as %s says", r.file)
	switch dir := r.value("olddir"); {
	case r.has("olddir") && dir != "":
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(p.folder.String(), dir)
		}
		there, err := d.Guard.OldFolder(p.real, dir)
		if err != nil {
			c.note("olddir", fmt.Sprintf("%s, into the folder %s (olddir), which lies outside the roots: history ends at the live file.", what, dir),
				fmt.Sprintf("Name that folder as a root, too, and say so: --old-folder %s=%s.", p.log, dir))
			return
		}
		if told, err := d.Guard.OldFolder(p.real, d.OldFolders.Of(p.log.String())); err != nil || told != there {
			c.note("olddir", fmt.Sprintf("%s, into the folder %s (olddir), where it is not looked for: history ends at the live file.", what, dir),
				fmt.Sprintf("Say so: --old-folder %s=%s.", p.log, dir))
			return
		}
		c.ok("olddir", "%s, into the folder %s (olddir).", what, dir)
	case r.value("rotate") == "0":
		c.note("logrotate", what+" with rotate 0: the old file is deleted at once.", "Keep one at least (rotate 1): what no viewer had read at that moment, and the history, are gone.")
	case r.has("compress") && !r.has("delaycompress") && !r.has("copytruncate") && !r.has("sharedscripts") && r.value("postrotate") == "" && !r.has("postrotate"):
		c.note("logrotate", what+", with compress but without delaycompress, and without telling the program: what it writes late to the old file is not in the archive.",
			"Add delaycompress, or a postrotate that tells the program to open its log anew.")
	case r.has("shred"):
		c.note("logrotate", what+" with shred: deleted files are overwritten while viewers may still read them.", "Leave out shred, or keep more files (rotate).")
	default:
		c.ok("logrotate", "%s.", what)
	}
}
