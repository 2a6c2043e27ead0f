package life

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Builder builds the program once, whatever number of tests ask for it.
type Builder struct {
	once sync.Once
	dir  string
	err  error
}

// Binary returns the path of the program, which the first call builds.
func (b *Builder) Binary(t testing.TB) string {
	t.Helper()
	b.once.Do(b.build)
	if b.err != nil {
		t.Fatal(b.err)
	}
	return filepath.Join(b.dir, "contentfs")
}

func (b *Builder) build() {
	if b.dir, b.err = os.MkdirTemp("", "contentfs-bin-"); b.err != nil {
		return
	}
	// Who is not root must be able to run it, too.
	if b.err = os.Chmod(b.dir, 0o755); b.err != nil {
		return
	}
	out, err := exec.Command("go", "build", "-o", b.dir, "contentfs/cmd/contentfs").CombinedOutput()
	if err != nil {
		b.err = fmt.Errorf("build contentfs: %w\n%s", err, out)
	}
}

// Remove deletes what was built. It is called when no test runs any more.
func (b *Builder) Remove() error {
	if b.dir == "" {
		return nil
	}
	return os.RemoveAll(b.dir)
}
