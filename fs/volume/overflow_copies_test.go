package volume_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/backend/backendtest"
	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// overflowing prepares a volume with a fallback on another disk than its state's.
func overflowing(t *testing.T, start func(*testing.T, func(*volume.Options)) *volumetest.Volume) (v *volumetest.Volume, d *smallDisk, fallback string) {
	t.Helper()
	d, fallback = newDisk(t, "tmpfs", ""), t.TempDir()
	socket := filepath.Join(t.TempDir(), "sock")
	v = start(t, func(o *volume.Options) {
		o.State, o.Fallback, o.Socket = filepath.Join(d.path, "state"), fallback, socket
		o.Drain = 100 * time.Millisecond
	})
	for _, part := range []string{"not everything is in S3", "the disk is full", "the store is away", "upload failed"} {
		v.Log.Expect(part)
	}
	return v, d, fallback
}

// copyOf reads a version's copy in the fallback.
func copyOf(v *volumetest.Volume, fallback string, ver meta.Version) []byte {
	v.Helper()
	b, err := os.ReadFile(filepath.Join(fallback, string(ver.Fallback)))
	must(v.T, err)
	return b
}

// awaitOverflow fills the disk until a file's content has a copy in the fallback.
func awaitOverflow(v *volumetest.Volume, d *smallDisk, path string) meta.Version {
	v.Helper()
	d.fill()
	v.Await(path+" in the fallback", func() bool {
		err := os.WriteFile(v.Join("pressure"), []byte("x"), 0o644)
		if err != nil && !errors.Is(err, unix.ENOSPC) {
			v.Fatal(err)
		}
		return v.Version(path).Fallback != nil
	})
	ver := v.Version(path)
	d.empty()
	v.Await("room", func() bool { return spaceOf(v).Full == "" })
	return ver
}

// TestOverflowOfAReadFile: a file that somebody reads is copied to the fallback, and
// its local file stays; a writer then uses that, and the next version is copied as well.
// The copy of the one before, which may be its only one, is left alone.
func TestOverflowOfAReadFile(t *testing.T) {
	v, d, fallback := overflowing(t, volumetest.Start)
	v.Gateway.Stop()
	before, after := random(200_000), random(200_000)
	v.Write("f", before)
	reader := open(v, "f", os.O_RDONLY)
	first := awaitOverflow(v, d, "f")
	if first.File == "" {
		t.Fatal("the local file of somebody who reads is gone")
	}
	writer := open(v, "f", os.O_RDWR)
	write(t, writer, after, 0)
	must(t, writer.Close())
	must(t, reader.Close())
	second := awaitOverflow(v, d, "f")
	if second.ID == first.ID || bytes.Equal(second.Fallback, first.Fallback) {
		t.Errorf("version %d lies at %s, version %d at %s", first.ID, first.Fallback, second.ID, second.Fallback)
	}
	if got := copyOf(v, fallback, first); !bytes.Equal(got, before) {
		t.Errorf("the copy of the first version has %s, not %s", brief(got), brief(before))
	}
	if got := copyOf(v, fallback, second); !bytes.Equal(got, after) {
		t.Errorf("the copy of the second version has %s, not %s", brief(got), brief(after))
	}
	v.Gateway.Start(t)
	expectObject(v, "f", after)
}

// TestOverflowIsForATime: content overflows while it is being sent. When the upload
// ends the copy has done its service.
func TestOverflowIsForATime(t *testing.T) {
	v, d, fallback := overflowing(t, volumetest.Proxied)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	v.Faults.Script(backendtest.Method(http.MethodPut), 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		close(arrived)
		<-goOn
		next.ServeHTTP(w, r)
	})
	content := random(100_000)
	v.Write("f", content)
	<-arrived
	awaitOverflow(v, d, "f")
	close(goOn)
	expectObject(v, "f", content)
	v.Await("the copy to go", func() bool {
		left, err := os.ReadDir(filepath.Join(fallback, ".contentfs-overflow"))
		return err == nil && len(left) == 0 && v.Version("f").Fallback == nil
	})
	expect(v, "f", content)
}

// TestOverflowAfterCrash: what a crash leaves in the overflow. A copy that S3 has made
// needless goes, one that a version needs stays, and one that nobody knows is kept
// aside: it may be all that is left of something.
func TestOverflowAfterCrash(t *testing.T) {
	v, d, fallback := overflowing(t, volumetest.Start)
	v.Log.Expect("belongs to nothing on record")
	dir := filepath.Join(fallback, ".contentfs-overflow")
	put := func(name string, content []byte) string {
		t.Helper()
		must(t, os.MkdirAll(dir, 0o700))
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
		return ".contentfs-overflow/" + name
	}
	id := func(path string) string { return strconv.FormatInt(int64(v.Version(path).ID), 10) }
	content := random(5000)
	for _, path := range []string{"sent", "half", "needed"} {
		v.Write(path, content)
		awaitS3(v, path)
	}
	v.Gateway.Stop()
	waiting := random(6000)
	v.Write("waiting", waiting)
	needed := awaitOverflow(v, d, "waiting")
	v.Unmount()

	// Sent, and the end of its copy not on record yet.
	sent := v.Version("sent").ID
	recorded := put(id("sent"), content)
	changed(v, func(m *meta.Store) error { return m.SetFallback(sent, []byte(recorded)) })
	half := put(id("half"), content[:100]) // a copy that was broken off
	unknown := put("1234567890", []byte("what is it?"))
	foreign := put("foreign", []byte("who are you?"))

	v.Mount()
	gone := func(rel string) bool {
		_, err := os.Lstat(filepath.Join(fallback, rel))
		return errors.Is(err, os.ErrNotExist)
	}
	v.Await("the sweep", func() bool { return gone(recorded) && gone(half) && gone(unknown) && gone(foreign) })
	if got := copyOf(v, fallback, needed); !bytes.Equal(got, waiting) {
		t.Errorf("the copy that is needed has %s", brief(got))
	}
	kept := make(map[string]bool)
	aside, err := os.ReadDir(filepath.Join(fallback, ".contentfs-aside"))
	must(t, err)
	for _, e := range aside {
		b, err := os.ReadFile(filepath.Join(fallback, ".contentfs-aside", e.Name()))
		must(t, err)
		kept[string(b)] = true
	}
	if len(kept) != 2 || !kept["what is it?"] || !kept["who are you?"] {
		t.Errorf("set aside: %v", kept)
	}
	if got := v.Version("sent"); got.Fallback != nil {
		t.Errorf("the copy is on record still: %s", got.Fallback)
	}
	v.Gateway.Start(t)
	for path, want := range map[string][]byte{"sent": content, "half": content, "waiting": waiting} {
		expectObject(v, path, want)
	}
}

// changed changes the database of a volume that is not mounted.
func changed(v *volumetest.Volume, do func(*meta.Store) error) {
	v.Helper()
	m, err := sqlite.Open(filepath.Join(v.Options.State, "meta.db"), sqlite.Options{MustExist: true})
	must(v.T, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	err = do(m)
	stop()
	must(v.T, errors.Join(err, <-done, m.Close()))
}
