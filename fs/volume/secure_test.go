package volume_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

// TestNobodyElse: neither set-user-id bits nor devices count in the mount, and nobody
// but who runs contentfs reads or writes in the state, whatever the mask says.
func TestNobodyElse(t *testing.T) {
	mask := unix.Umask(0o022)
	defer unix.Umask(mask)
	v := volumetest.Start(t, func(*volume.Options) { unix.Umask(0) })
	var st unix.Statfs_t
	must(t, unix.Statfs(v.Path, &st))
	if want := int64(unix.ST_NOSUID | unix.ST_NODEV); st.Flags&want != want {
		t.Errorf("the mount has flags %x", st.Flags)
	}
	v.Write("u/file/f", []byte("content"))
	must(t, filepath.WalkDir(v.Options.State, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil // was there for a moment
			}
			return err
		}
		fi, err := d.Info()
		if err == nil && fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, fi.Mode())
		}
		if os.IsNotExist(err) {
			return nil
		}
		return err
	}))
}
