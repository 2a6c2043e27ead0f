package volume_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"contentfs/fs/volume/volumetest"
)

// Environment of the test of one file: how many operations, and which seed instead
// of a random one.
const (
	fsxOpsEnv  = "CONTENTFS_FSX_OPS"
	fsxSeedEnv = "CONTENTFS_FSX_SEED"
)

// fsxOps is how many operations a short run makes.
const fsxOps = 2500

// TestFsx does to one file all that can be done to one, through several descriptors
// and mappings, and compares it with an array of bytes after each step. The process
// that does it is another one, because of the mappings.
func TestFsx(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		fsxRun(v.T, v.Join("site/file/fsx.bin"), func(event string) {
			awaitS3(v, "site/file/fsx.bin")
			if event == fsxEvict {
				v.EvictAll()
			}
		})
	})
}

// TestFsxPlain shows on a plain directory that the array of bytes is right.
func TestFsxPlain(t *testing.T) {
	fsxRun(t, filepath.Join(t.TempDir(), "site/file/fsx.bin"), func(string) {})
}

// fsxRun runs the child on a file, and lets happen what it asks for.
func fsxRun(t *testing.T, path string, happen func(event string)) {
	ops, err := strconv.Atoi(os.Getenv(fsxOpsEnv))
	if err != nil {
		ops = fsxOps
	}
	seed, err := strconv.ParseUint(os.Getenv(fsxSeedEnv), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("%s=%d %s=%d", fsxSeedEnv, seed, fsxOpsEnv, ops)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	cmd := child(t, "fsx", path, fmt.Sprint(seed), fmt.Sprint(ops))
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		switch line := lines.Text(); line {
		case fsxUpload, fsxEvict:
			happen(line)
			_, err := fmt.Fprintln(in, "done")
			must(t, err)
		default:
			t.Log(line)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the child process: %v", err)
	}
}
