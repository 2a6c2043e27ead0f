package volume_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
	"contentfs/meta"
)

// tampers are what can happen to a local file while nobody looks.
var tampers = map[string]func(t *testing.T, path string){
	"deleted":   func(t *testing.T, path string) { must(t, os.Remove(path)) },
	"truncated": func(t *testing.T, path string) { must(t, os.Truncate(path, 10)) },
	"symlink": func(t *testing.T, path string) {
		must(t, os.Remove(path))
		must(t, os.Symlink("/etc/passwd", path))
	},
	"fifo": func(t *testing.T, path string) {
		must(t, os.Remove(path))
		must(t, unix.Mkfifo(path, 0o600))
	},
	"directory": func(t *testing.T, path string) {
		must(t, os.Remove(path))
		must(t, os.Mkdir(path, 0o700))
	},
}

// TestLocalFileDamagedInS3: what is in S3 too is fetched again, whatever became
// of the local file.
func TestLocalFileDamagedInS3(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		v.Log.Expect("a local file cannot be used")
		v.Log.Expect("recovered after a crash")
		v.Log.Expect("something that is not a file")
		contents := make(map[string][]byte)
		for name := range tampers {
			contents[name] = random(10_000)
			v.Write(name, contents[name])
		}
		for name := range tampers {
			awaitS3(v, name)
		}
		v.Unmount()
		for name, tamper := range tampers {
			tamper(t, v.LocalFile(v.Version(name).File))
		}
		v.Mount()
		for name, content := range contents {
			expect(v, name, content)
		}
		v.Unmount()
		removeForeign(v)
	})
}

// TestLocalFileLost: content that was nowhere else is gone. That is said, reads
// fail, and the name can be written anew.
func TestLocalFileLost(t *testing.T) {
	unsent := func(o *volume.Options) { o.Drain = 0 }
	volumetest.Each(t, unsent, func(v *volumetest.Volume) {
		t := v.T
		v.Log.Expect("a local file cannot be used")
		v.Log.Expect("recovered after a crash")
		v.Log.Expect("something that is not a file")
		v.Log.Expect("content is lost on this server")
		v.Log.Expect("the store is away")
		v.Gateway.Stop()
		for name := range tampers {
			v.Write(name, random(10_000))
		}
		kept := random(10_000)
		v.Write("kept", kept)
		v.Unmount()
		for name, tamper := range tampers {
			tamper(t, v.LocalFile(v.Version(name).File))
		}
		v.Mount()
		if n := v.Log.Seen("content is lost on this server"); n != len(tampers) {
			t.Errorf("%d messages about %d lost contents", n, len(tampers))
		}
		expect(v, "kept", kept)
		for name := range tampers {
			b, err := os.ReadFile(v.Join(name))
			fails(t, "read of what is lost: "+brief(b), err, unix.EIO)
			if st := lstat(v, name); st.Size != 10_000 {
				t.Errorf("a lost content has %d bytes", st.Size)
			}
		}
		v.Gateway.Start(t)
		for name := range tampers {
			content := random(20_000)
			v.Write(name, content)
			expect(v, name, content)
			expectObject(v, name, content)
		}
		expectObject(v, "kept", kept)
		v.Unmount()
		removeForeign(v)
	})
}

// removeForeign takes away what a test put in the place of local files, which the
// volume leaves alone and the audit reports.
func removeForeign(v *volumetest.Volume) {
	v.Helper()
	entries, err := os.ReadDir(v.LocalFile(""))
	must(v.T, err)
	for _, e := range entries {
		if !e.Type().IsRegular() {
			must(v.T, os.Remove(v.LocalFile(meta.FileID(e.Name()))))
		}
	}
}

// TestUnknownLocalFile: content that nobody knows is kept, and not in the tree.
func TestUnknownLocalFile(t *testing.T) {
	v := volumetest.Start(t, nil)
	v.Log.Expect("a local file that is not on record is kept in the quarantine")
	v.Log.Expect("recovered after a crash")
	v.Log.Expect("files that contentfs did not make")
	v.Write("f", []byte("x"))
	awaitS3(v, "f")
	before := tree(v)
	v.Unmount()
	unknown, empty := strings.Repeat("a", 32), strings.Repeat("b", 32)
	must(t, os.WriteFile(v.LocalFile(meta.FileID(unknown)), []byte("whose is this?"), 0o600))
	must(t, os.WriteFile(v.LocalFile(meta.FileID(empty)), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(v.LocalFile(""), "README"), []byte("by hand"), 0o600))
	for range 2 {
		v.Mount()
		if after := tree(v); !sameTree(before, after) {
			t.Errorf("the tree was %v and is %v", before, after)
		}
		v.Unmount()
		b, err := os.ReadFile(v.LocalFile(meta.FileID(unknown)))
		if err != nil || !bytes.Equal(b, []byte("whose is this?")) {
			t.Errorf("what nobody knows is now %q, %v", b, err)
		}
	}
	m, files := v.Stores()
	list, err := m.Quarantined(10, "")
	must(t, err)
	must(t, files.Close())
	must(t, m.Close())
	if len(list) != 1 || list[0].File != meta.FileID(unknown) {
		t.Errorf("quarantine: %+v", list)
	}
	must(t, os.Remove(filepath.Join(v.LocalFile(""), "README")))
}

// TestDamagedWhileMounted: the local file disappears under the running volume.
func TestDamagedWhileMounted(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		v.Log.Expect("local file is damaged; it will be fetched again")
		content := random(10_000)
		for name, tamper := range tampers {
			if name == "truncated" {
				continue // like a write by somebody unseen, and taken for one
			}
			v.Write(name, content)
			awaitS3(v, name)
			tamper(t, v.LocalFile(v.Version(name).File))
			expect(v, name, content)
		}
		v.Unmount()
		removeForeign(v)
	})
}
