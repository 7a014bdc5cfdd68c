package logql

import "bytes"

// Fields finds the fields of a line: those of the JSON object that it is, otherwise those of its key=value pairs. parser says which of the two.
func Fields(line []byte) (parser string, fields []Label) {
	var labels Labels
	parser = "json"
	if b := bytes.TrimSpace(line); len(b) > 0 && b[0] == '{' {
		jsonStage{}.run(line, &labels)
	} else {
		labels.Set(labelError, "no object")
	}
	if labels.Error() != "" {
		parser = "logfmt"
		labels.Reset(nil)
		logfmtStage{}.run(line, &labels)
	}
	for _, l := range labels.list {
		if l.Name != labelError && l.Name != labelErrorDetails {
			fields = append(fields, l)
		}
	}
	return parser, fields
}

// IsSize reports whether a text is a size, such as 1.5MiB.
func IsSize(s string) bool {
	_, ok := parseBytes(s)
	return ok
}
