package volumetest

import (
	"os"
	"path/filepath"

	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// Join returns a path inside the mount.
func (v *Volume) Join(elem ...string) string {
	return filepath.Join(append([]string{v.Path}, elem...)...)
}

// Write makes a file with its directories.
func (v *Volume) Write(path string, content []byte) {
	v.Helper()
	p := v.Join(path)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		v.Fatal(err)
	}
	if err := os.WriteFile(p, content, 0o644); err != nil {
		v.Fatal(err)
	}
}

// Read returns a file's content.
func (v *Volume) Read(path string) []byte {
	v.Helper()
	b, err := os.ReadFile(v.Join(path))
	if err != nil {
		v.Fatal(err)
	}
	return b
}

// Version returns what is on record of a file's current content, mounted or not.
func (v *Volume) Version(path string) meta.Version {
	v.Helper()
	m, err := sqlite.Open(filepath.Join(v.Options.State, "meta.db"), sqlite.Options{ReadOnly: true})
	if err != nil {
		v.Fatal(err)
	}
	defer m.Close()
	n, err := m.Resolve([]byte("/" + path))
	if err != nil {
		v.Fatal(err)
	}
	ver, err := m.Current(n.Ino)
	if err != nil {
		v.Fatal(err)
	}
	return ver
}

// EvictAll mounts the volume anew, with nothing in its cache but what is not in S3
// yet.
func (v *Volume) EvictAll() {
	v.Helper()
	v.Unmount()
	size := v.Options.CacheSize
	v.Options.CacheSize = -1 // empty files go too
	v.Mount()
	v.Await("an empty cache", func() bool {
		m, files := v.Stores()
		defer m.Close()
		defer files.Close()
		st, err := m.Stats()
		if err != nil {
			v.Fatal(err)
		}
		return st.LocalAndS3.Number == 0
	})
	v.Unmount()
	v.Options.CacheSize = size
	v.Mount()
}

// LocalFile returns the path of the file that holds a version on this server.
func (v *Volume) LocalFile(f meta.FileID) string {
	return filepath.Join(v.Options.State, "local", string(f))
}

// Object returns the path of an object's file in the gateway's directory.
func (v *Volume) Object(key string) string {
	return filepath.Join(v.Gateway.Dir, Bucket, filepath.FromSlash(key))
}
