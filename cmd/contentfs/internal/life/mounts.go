package life

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Mounted reports whether something is mounted on path, dead or alive.
func Mounted(path string) (bool, error) {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 && f[4] == path {
			return true, nil
		}
	}
	return false, nil
}

// Mounted reports whether something is mounted on the volume's mount point, dead
// or alive.
func (v *Volume) Mounted() bool {
	v.T.Helper()
	yes, err := Mounted(v.Point)
	if err != nil {
		v.T.Fatal(err)
	}
	return yes
}

// Sweep empties the bare mount point. Writers that outlive a mount write there.
func (v *Volume) Sweep() {
	v.T.Helper()
	if v.Mounted() {
		v.T.Fatalf("%s is mounted", v.Point)
	}
	left, err := filepath.Glob(filepath.Join(v.Point, "*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err != nil {
		v.T.Fatal(err)
	}
}

// Release takes everything that is mounted on the mount point out of the tree, as
// `umount -l` does.
func (v *Volume) Release() {
	v.T.Helper()
	for v.Mounted() {
		if err := unix.Unmount(v.Point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && !errors.Is(err, unix.EINVAL) {
			v.T.Fatalf("umount -l %s: %v", v.Point, err)
		}
	}
}
