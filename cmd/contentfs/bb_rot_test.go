package main_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"contentfs/cmd/contentfs/internal/life"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// rotLoop damages local files between lives of the daemon.
type rotLoop struct {
	*bout
	*life.Volume
	files map[string][]byte // what each file has to hold; nil: its only copy was damaged
	known map[[32]byte]bool // contents that were written, ever
	count int               // files that were named

	struck map[string]int // damage by kind
	healed int
	lost   int
}

// damages of a local file by kind. Where the content is only here and nothing but its
// bytes changed, or its size and time as if somebody had gone on writing, nobody can
// tell: those kinds are for what is in S3 too.
var damages = []struct {
	kind   string
	stored bool // only for what is in S3 too
	do     func(l *rotLoop, path, other string) error
}{
	{"flipped, time restored", true, func(l *rotLoop, path, _ string) error { return l.edit(path, true, flipOne) }},
	{"zeroed, time restored", true, func(l *rotLoop, path, _ string) error {
		return l.edit(path, true, func(_ *rand.Rand, b []byte) []byte { return make([]byte, len(b)) })
	}},
	{"flipped", true, func(l *rotLoop, path, _ string) error { return l.edit(path, false, flipOne) }},
	{"grown", true, func(l *rotLoop, path, _ string) error {
		return l.edit(path, l.rng.IntN(2) == 0, func(_ *rand.Rand, b []byte) []byte { return append(b, "more"...) })
	}},
	{"cut", false, func(l *rotLoop, path, _ string) error {
		return l.edit(path, l.rng.IntN(2) == 0, func(r *rand.Rand, b []byte) []byte { return b[:r.IntN(len(b))] })
	}},
	{"removed", false, func(_ *rotLoop, path, _ string) error { return os.Remove(path) }},
	{"a symlink", false, func(_ *rotLoop, path, other string) error {
		return errors.Join(os.Remove(path), os.Symlink(other, path))
	}},
	{"a FIFO", false, func(_ *rotLoop, path, _ string) error {
		return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600))
	}},
	{"a directory", false, func(_ *rotLoop, path, _ string) error {
		return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
	}},
	{"without permissions", true, func(_ *rotLoop, path, _ string) error { return os.Chmod(path, 0) }},
}

func flipOne(r *rand.Rand, b []byte) []byte {
	b[r.IntN(len(b))] ^= 1 << r.IntN(8)
	return b
}

// edit changes the bytes of a file in place.
func (l *rotLoop) edit(path string, restore bool, change func(*rand.Rand, []byte) []byte) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b = change(l.rng, b)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err = errors.Join(err, f.Truncate(int64(len(b))), f.Close()); err != nil || !restore {
		return err
	}
	return os.Chtimes(path, time.Time{}, fi.ModTime())
}

// TestRotLoop: whatever happens to local files between two lives, not one wrong byte is
// delivered or sent to S3, and what is in S3 too heals by itself.
func TestRotLoop(t *testing.T) {
	l := &rotLoop{bout: newBout(t, 2, 1), Volume: start(t), files: make(map[string][]byte),
		known: make(map[[32]byte]bool), struck: make(map[string]int)}
	size := 40
	if l.long() {
		size = 600
	}
	l.Log.Expect("released a mount point whose process was gone", "recovered after a crash", "a local file cannot be used",
		"local file is damaged; it will be fetched again", "content is lost on this server",
		"something that is not a file lies in the local store", "kept in the quarantine")
	for ; l.more(); l.done++ {
		l.life(size)
	}
	l.finish()
	all := 0
	for _, n := range l.struck {
		all += n
	}
	t.Logf("%d damages in %v: %v; %d healed, %d lost with their only copy", all, time.Since(l.began).Round(time.Second), l.struck, l.healed, l.lost)
	// A few lives may be so slow that all was sent before they ended.
	if l.healed == 0 || l.lost == 0 && l.long() {
		t.Error("the loop did not test what it is for")
	}
}

// life is one life of the daemon: files are written and sent, some more are written and
// are only here when it is killed, and then local files are damaged. What the life
// before has damaged is read first.
func (l *rotLoop) life(size int) {
	l.Mount()
	l.compare()
	for len(l.files) < size {
		l.write()
	}
	awaitUploads(l.Volume)
	fresh := make([]string, 0, size/8)
	for range size / 8 {
		fresh = append(fresh, l.write())
	}
	l.Await("the releases", func() bool {
		open := 0
		l.versions(func(v *meta.Version, _ string) {
			if v.Open {
				open++
			}
		})
		return open == 0
	})
	l.Kill()
	l.Reap()
	l.damage()
}

// write makes a file, or writes one anew.
func (l *rotLoop) write() string {
	l.count++
	name := fmt.Sprintf("uid%d/file/%d.bin", l.count%7, l.count)
	b := make([]byte, 1+l.rng.IntN(60_000))
	for i := range b {
		b[i] = byte(l.rng.Uint32())
	}
	copy(b, name)
	l.Write(name, b)
	l.files[name] = b
	l.known[sha256.Sum256(b)] = true
	return name
}

// versions gives use the current versions with a local file, and their paths.
func (l *rotLoop) versions(use func(v *meta.Version, path string)) {
	l.T.Helper()
	m, err := sqlite.Open(filepath.Join(l.State, "meta.db"), sqlite.Options{ReadOnly: true})
	if err != nil {
		l.T.Fatal(err)
	}
	defer m.Close()
	list, err := m.AllVersions(0, 1<<20)
	if err != nil {
		l.T.Fatal(err)
	}
	for i := range list {
		v := &list[i]
		if v.Retired != 0 {
			continue
		}
		path, err := m.Path(v.Ino)
		if err != nil {
			l.T.Fatal(err)
		}
		use(v, strings.TrimPrefix(string(path), "/"))
	}
}

// damage strikes most local files. What is only here and was struck is lost.
func (l *rotLoop) damage() {
	type target struct {
		path, file string
		stored     bool
	}
	var list []target
	l.versions(func(v *meta.Version, path string) {
		if v.Local() {
			list = append(list, target{path, filepath.Join(l.State, "local", string(v.File)), v.Remote == meta.Stored})
		}
	})
	l.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	list = list[:len(list)*4/5]
	hit := func(x target, kind string) {
		l.struck[kind]++
		if !x.stored {
			l.files[x.path] = nil
		}
	}
	// Swapped first, while all are files.
	for range 1 + len(list)/10 {
		a, b := list[0], list[1]
		list = list[2:]
		other := a.file + ".x"
		if err := errors.Join(os.Rename(a.file, other), os.Rename(b.file, a.file), os.Rename(other, b.file)); err != nil {
			l.T.Fatal(err)
		}
		hit(a, "swapped")
		hit(b, "swapped")
	}
	for _, x := range list {
		d := damages[l.rng.IntN(len(damages))]
		for d.stored && !x.stored {
			d = damages[l.rng.IntN(len(damages))]
		}
		if err := d.do(l, x.file, list[0].file); err != nil {
			l.T.Fatal(err)
		}
		hit(x, d.kind)
	}
}

// compare reads every file. One whose only copy was damaged is an error or, where its
// object had arrived unnoticed, right; it is removed then.
func (l *rotLoop) compare() {
	for name, want := range l.files {
		got, err := os.ReadFile(l.Join(name))
		switch {
		case want == nil && errors.Is(err, syscall.EIO):
			l.lost++
		case want == nil && err == nil && l.known[sha256.Sum256(got)] && bytes.HasPrefix(got, []byte(name)[:min(len(name), len(got))]):
		case err != nil:
			l.T.Errorf("%s: %v", name, err)
		case want == nil || !bytes.Equal(got, want):
			l.T.Errorf("%s: wrong bytes were delivered: %d of %d", name, len(got), len(want))
		default:
			l.healed++
		}
		if want == nil {
			remove(l.T.(*testing.T), l.Join(name))
			delete(l.files, name)
		}
	}
	if r := l.Run("quarantine", "remove", l.Name, "--state", l.State, "--all", "--yes"); r.Code != 0 {
		l.T.Error(r)
	}
}

// finish compares all once more, with the bucket too.
func (l *rotLoop) finish() {
	t := l.T.(*testing.T)
	l.Mount()
	l.compare()
	awaitUploads(l.Volume)
	if u := l.Unmount(); u.Pending != 0 {
		t.Errorf("%+v", u)
	}
	dir := filepath.Join(l.State, "local")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			remove(t, filepath.Join(dir, e.Name())) // it is left alone, and told
		}
	}
	store := openBucket(t, l.Volume)
	for _, key := range objects(t, store) {
		if !l.known[sha256.Sum256([]byte(getObject(t, store, key)))] {
			t.Errorf("wrong bytes were sent: %s", key)
		}
	}
	want(t, l.Run(verifyArgs(l.Volume, "--checksum")...), 0, "no differences")
	l.versions(func(v *meta.Version, path string) {
		if sum := sha256.Sum256(l.files[path]); v.Remote != meta.Stored || string(v.SHA256) != string(sum[:]) {
			t.Errorf("%s: %+v", path, v)
		}
	})
}
