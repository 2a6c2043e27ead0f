package volume_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
	"contentfs/meta"
)

// rot changes one byte of a file and leaves its times as they were.
func rot(t *testing.T, path string) {
	t.Helper()
	fi, err := os.Stat(path)
	must(t, err)
	flip(t, path)
	must(t, os.Chtimes(path, time.Time{}, fi.ModTime()))
}

func flip(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, 5000)
	must(t, err)
	b[0] ^= 1
	_, err = f.WriteAt(b, 5000)
	must(t, err)
	must(t, f.Close())
}

// swap gives two names each the other's file.
func swap(t *testing.T, a, b string) {
	t.Helper()
	must(t, unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE))
}

// TestRotBetweenLives: wrong bytes of what is in S3 are found before they are
// delivered, or built upon, and fetched again; a file that only has another time is
// left.
func TestRotBetweenLives(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		v.Log.Expect("local file is damaged; it will be fetched again")
		v.Log.Expect("recovered after a crash")
		big := random(10_000)
		if v.Options.Passthrough {
			big = random(65 << 20) // is served while it is compared
		}
		contents := map[string][]byte{"big": big}
		for _, name := range []string{"rotten", "appended", "flipped", "a", "b", "touched", "flat", "unopened"} {
			contents[name] = random(10_000)
		}
		for name, content := range contents {
			v.Write(name, content)
		}
		file := func(name string) string { return v.LocalFile(v.Version(name).File) }
		for name := range contents {
			awaitS3(v, name)
		}
		v.Unmount()
		for _, name := range []string{"rotten", "appended", "big", "unopened"} {
			rot(t, file(name))
		}
		flip(t, file("flipped"))
		swap(t, file("a"), file("b"))
		must(t, os.Chtimes(file("touched"), time.Now(), time.Now()))
		must(t, os.Chmod(file("flat"), 0))
		touched, unopened := v.Version("touched").File, v.Version("unopened").File

		v.Mount()
		b, err := os.ReadFile(v.Join("big"))
		if err == nil {
			sameContent(t, "big", b, big) // the background was there first
		} else {
			fails(t, "first read of what is large and rotten", err, unix.EIO)
		}
		f, err := os.OpenFile(v.Join("appended"), os.O_WRONLY|os.O_APPEND, 0)
		must(t, err)
		_, err = f.Write([]byte("more"))
		must(t, err)
		must(t, f.Close())
		contents["appended"] = append(contents["appended"], "more"...)
		v.Await("the background", func() bool { return v.Version("unopened").File != unopened })
		for name, content := range contents {
			expect(v, name, content)
			expectObject(v, name, content)
		}
		if v.Version("touched").File != touched {
			t.Error("a file that only had another time was given up")
		}
	})
}

func sameContent(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if string(got) != string(want) {
		t.Errorf("%s: %s instead of %s", what, brief(got), brief(want))
	}
}

// TestSwappedBeforeUpload: what is only here is never taken for another file's
// content, and goes nowhere.
func TestSwappedBeforeUpload(t *testing.T) {
	v := volumetest.Start(t, func(o *volume.Options) { o.Drain = 0 })
	v.Log.Expect("content is lost on this server")
	v.Log.Expect("recovered after a crash")
	v.Log.Expect("the store is away")
	v.Gateway.Stop()
	a, b := random(10_000), random(11_000)
	v.Write("a", a)
	v.Write("b", b)
	fa, fb := v.Version("a").File, v.Version("b").File
	v.Unmount()
	swap(t, v.LocalFile(fa), v.LocalFile(fb))
	v.Gateway.Start(t)
	v.Mount()
	for _, name := range []string{"a", "b"} {
		_, err := os.ReadFile(v.Join(name))
		fails(t, "read of what is lost", err, unix.EIO)
	}
	v.Unmount()
	if keys := v.List(); len(keys) != 0 {
		t.Errorf("uploaded: %q", keys)
	}
	sameContent(t, "what was a", read(t, v.LocalFile(fb)), a)
	m, files := v.Stores()
	defer m.Close()
	defer files.Close()
	list, err := m.Quarantined(9, "")
	must(t, err)
	lost, err := m.LostVersions(0, 9)
	must(t, err)
	if len(list) != 2 || len(lost) != 2 {
		t.Errorf("quarantine %+v, lost %+v", list, lost)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}

// TestLostWhileMounted: what is only here and is destroyed under the running volume is
// lost, on record, and nothing of it is sent.
func TestLostWhileMounted(t *testing.T) {
	v := volumetest.Start(t, func(o *volume.Options) { o.Debounce = time.Hour })
	v.Log.Expect("content is lost on this server")
	for _, name := range []string{"cut", "gone", "fifo"} {
		v.Write(name, random(10_000))
		v.Await("the release", func() bool { return !v.Version(name).Open })
	}
	var st meta.Stats
	must(t, os.Truncate(v.LocalFile(v.Version("cut").File), 100))
	must(t, os.Remove(v.LocalFile(v.Version("gone").File)))
	tampers["fifo"](t, v.LocalFile(v.Version("fifo").File))
	for _, name := range []string{"cut", "gone", "fifo"} {
		for i := range 2 {
			_, err := os.ReadFile(v.Join(name))
			fails(t, fmt.Sprint("read ", i, " of ", name), err, unix.EIO)
		}
	}
	if st = v.Stats(); st.Nowhere.Number != 3 || st.Queue.Number != 0 || st.Quarantined != 1 {
		t.Errorf("%+v", st)
	}
	content := random(100)
	v.Write("cut", content)
	expect(v, "cut", content)
	v.Unmount()
	removeForeign(v)
}
