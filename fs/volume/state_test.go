package volume

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStateIsPrivate(t *testing.T) {
	above := filepath.Join(t.TempDir(), "above")
	if err := os.Mkdir(above, 0o755); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	state := filepath.Join(above, "deeper", "state")
	mode := func() os.FileMode {
		t.Helper()
		st, err := os.Stat(state)
		if err != nil {
			t.Fatal(err)
		}
		return st.Mode().Perm()
	}
	if err := makeState(state, log); err != nil || mode() != 0o700 {
		t.Errorf("made with %v, %v", mode(), err)
	}
	if err := os.Chmod(state, 0o775); err != nil {
		t.Fatal(err)
	}
	if err := makeState(state, log); err != nil || mode() != 0o700 {
		t.Errorf("a directory that others may read is left at %v, %v", mode(), err)
	}
	if said.Len() > 0 {
		t.Errorf("warned: %s", said.String())
	}
	if err := os.Chmod(filepath.Dir(state), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := makeState(state, log); err != nil || !strings.Contains(said.String(), "replace the state") {
		t.Errorf("others can replace the state: %v, %q", err, said.String())
	}
	if os.Geteuid() != 0 {
		t.Fatal("this test needs root, to give a directory away")
	}
	if err := os.Chown(state, 4711, 4711); err != nil {
		t.Fatal(err)
	}
	if err := makeState(state, log); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("another's state: %v", err)
	}
}
