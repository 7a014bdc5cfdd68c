package follow

import "os"

func truncate(path string) error { return os.Truncate(path, 0) }

func mkdirAll(path string) error { return os.MkdirAll(path, 0o755) }
