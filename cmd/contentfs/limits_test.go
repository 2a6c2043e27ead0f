package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		p := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("system.slice/site.service/memory.max", "max\n")
	write("system.slice/memory.max", "536870912\n")
	write("system.slice/small.service/memory.max", "134217728\n")
	write("system.slice/soft.service/memory.high", "67108864\n")
	write("free.slice/memory.max", "max\n")
	for own, want := range map[string]int64{
		"0::/system.slice/site.service\n":  512 << 20, // the group above has the limit
		"0::/system.slice/small.service\n": 128 << 20,
		"0::/system.slice/soft.service\n":  64 << 20,
		"0::/free.slice\n":                 math.MaxInt64,
		"0::/not/there\n":                  math.MaxInt64,
		"12:memory:/system.slice\n0::/\n":  math.MaxInt64, // version 1 beside an empty 2
		"":                                 math.MaxInt64,
		"1:name=systemd:/x\n0::/system.slice/small.service\n": 128 << 20,
	} {
		if got := memoryLimit(root, []byte(own)); got != want {
			t.Errorf("%q: %d, not %d", own, got, want)
		}
	}
}
