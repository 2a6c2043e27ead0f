package volume_test

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/hanwen/go-fuse/v2/posixtest"

	"contentfs/fs/volume/volumetest"
)

// notOnDisk are the tests of go-fuse that a local disk fails.
var notOnDisk = []string{
	"FcntlFlockLocksFile", // a process's locks do not exclude its own
}

// TestPosixGoFuse runs the conformance tests of go-fuse, each in a directory of its
// own. None may skip itself.
func TestPosixGoFuse(t *testing.T) {
	volumetest.Each(t, alone, func(v *volumetest.Volume) {
		for _, name := range slices.Sorted(maps.Keys(posixtest.All)) {
			if slices.Contains(notOnDisk, name) {
				continue
			}
			v.T.Run(name, func(t *testing.T) {
				dir := v.Join(name)
				must(t, os.Mkdir(dir, 0o755))
				if name == "FdLeak" {
					// It counts the process's descriptors, of which this one has those of
					// the files that lie ready for writers.
					must(t, child(t, "posixtest", name, dir).Run())
					return
				}
				defer func() {
					if t.Skipped() {
						t.Errorf("%s skipped itself", name)
					}
				}()
				posixtest.All[name](t, dir)
			})
		}
	})
}

// TestPosixGoFuseOnDisk shows that the tests left out fail on a local disk.
func TestPosixGoFuseOnDisk(t *testing.T) {
	for _, name := range notOnDisk {
		cmd := child(t, "posixtest", name, t.TempDir())
		out, err := cmd.Output()
		var failed *exec.ExitError
		if !errors.As(err, &failed) || !strings.Contains(string(out), "--- FAIL: "+name) {
			t.Errorf("%s on a local disk: %v\n%s", name, err, out)
		}
	}
}

// childPosixtest runs the test of go-fuse that is called args[0] in directory args[1].
// It does not return.
func childPosixtest(args []string) error {
	test := testing.InternalTest{Name: args[0], F: func(t *testing.T) { posixtest.All[args[0]](t, args[1]) }}
	testing.Main(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{test}, nil, nil)
	return nil
}
