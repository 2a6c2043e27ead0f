package main_test

import (
	"fmt"
	"os"
	"testing"

	"contentfs/cmd/contentfs/internal/life"
)

// program is the binary that all black-box tests run.
var program life.Builder

func TestMain(m *testing.M) {
	life.Trapped()
	code := m.Run()
	if err := program.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// start prepares a volume with a gateway of its own, not mounted yet.
func start(t *testing.T) *life.Volume {
	t.Helper()
	return life.Start(t, program.Binary(t))
}

// want fails the test unless a command ended with this exit code and said these
// phrases.
func want(t *testing.T, r life.Result, code int, phrases ...string) {
	t.Helper()
	if err := r.Want(code, phrases...); err != nil {
		t.Error(err)
	}
}
