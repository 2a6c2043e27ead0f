package main_test

import (
	"bytes"
	"os"
	"syscall"
	"testing"
)

// TestReopenedAtOnce: the kernel tells of a descriptor's end later than of its
// close. Who opens the file again meanwhile must not write into what the close
// promised. A duplicate of the descriptor stands for the delay.
func TestReopenedAtOnce(t *testing.T) {
	v := start(t)
	v.Gateway.Stop() // what S3 has could be written over
	v.Log.Expect("the store is away", "released a mount point whose process was gone", "recovered after a crash", "kept in the quarantine")
	v.Mount()
	old := bytes.Repeat([]byte("old "), 5000)
	again := map[string]int{
		"appended":  os.O_WRONLY | os.O_APPEND,
		"over":      os.O_RDWR,
		"truncated": os.O_WRONLY | os.O_TRUNC,
	}
	var open []*os.File
	for name, flags := range again {
		f, err := os.Create(v.Join(name))
		if err != nil {
			t.Fatal(err)
		}
		rest, err := syscall.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, os.NewFile(uintptr(rest), name))
		if _, err := f.Write(old); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		g, err := os.OpenFile(v.Join(name), flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, g)
		if _, err := g.Write([]byte("new")); err != nil {
			t.Fatal(err)
		}
	}
	v.Kill()
	v.Reap()
	for _, f := range open {
		f.Close() // nobody is there to answer
	}
	v.Release()
	v.Mount()
	for name := range again {
		if got := v.Read(name); !bytes.Equal(got, old) {
			t.Errorf("%s: %d bytes, the first of them %q, instead of the %d that were closed", name, len(got), got[:min(len(got), 8)], len(old))
		}
	}
}
