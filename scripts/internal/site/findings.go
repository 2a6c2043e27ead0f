package main

import (
	"fmt"
	"io"
	"os"
	"sync"
)

// shown is how many differences are told one by one.
const shown = 30

// findings are the differences of a run.
type findings struct {
	mu    sync.Mutex // guards what follows
	stage string
	texts []string
}

func (f *findings) begin(stage string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stage = stage
}

func (f *findings) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := f.stage + ": " + fmt.Sprintf(format, args...)
	f.texts = append(f.texts, text)
	if len(f.texts) <= shown {
		fmt.Fprintln(os.Stderr, "DIFFERS:", text)
	}
}

// equal adds a finding unless a number is what it should be.
func (f *findings) equal(what string, got, want int64) {
	if got != want {
		f.add("%s: %d instead of %d", what, got, want)
	}
}

// print tells the verdict. It reports whether there were differences.
func (f *findings) print(w io.Writer) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.texts) == 0 {
		fmt.Fprintln(w, "OK: nothing differs")
		return false
	}
	fmt.Fprintf(w, "FAILED: %d differences\n", len(f.texts))
	for _, t := range f.texts[:min(shown, len(f.texts))] {
		fmt.Fprintln(w, " ", t)
	}
	return true
}
