package main_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/cmd/contentfs/internal/life"
)

// TestWriterComesDuringUpload has somebody open a file for writing while its
// content is on the way to S3. A reader has it open, so that all share a file.
func TestWriterComesDuringUpload(t *testing.T) {
	for name, change := range map[string]func(w *os.File) error{
		"and changes nothing": func(*os.File) error { return nil },
		"and writes":          func(w *os.File) error { _, err := w.WriteString("changed"); return err },
		"and syncs": func(w *os.File) error {
			_, err := w.WriteString("changed")
			return errors.Join(err, w.Sync())
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := start(t)
			w := newWire(t, v.Gateway.Endpoint)
			v.Endpoint = w.URL
			v.Mount()
			const path = "uid/image/large/a.jpg"
			caught := w.hunt(arrived, true)
			v.Write(path, bytes.Repeat([]byte("content "), 10_000))
			r, err := os.Open(v.Join(path))
			if err != nil {
				t.Fatal(err)
			}
			<-caught
			f, err := os.OpenFile(v.Join(path), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := change(f); err != nil {
				t.Error(err)
			}
			w.cut()
			v.Await("the end of the upload", func() bool { return w.sending.Load() == 0 })
			if err := errors.Join(f.Close(), r.Close()); err != nil {
				t.Error(err)
			}
			want := v.Read(path)
			if u := v.Unmount(); u.Pending != 0 {
				t.Errorf("%+v", u)
			}
			auditVolume(t, v, openBucket(t, v))
			v.WipeLocal()
			v.Log.Expect("recovered after a crash") // files are missing
			v.Mount()
			if got := v.Read(path); !bytes.Equal(got, want) {
				t.Errorf("S3 has %d bytes, here were %d", len(got), len(want))
			}
			v.Unmount()
		})
	}
}

// TestLongNames has names that make keys longer than the store takes.
func TestLongNames(t *testing.T) {
	v := start(t)
	v.Mount()
	long := "uid/image/large/" + strings.Repeat("x", 251) + ".jpg"
	umlauts := "uid/image/large/" + strings.Repeat("ä", 125) + ".jpg"
	v.Write(long, []byte("long"))
	v.Write(umlauts, []byte("umlauts"))
	if u := v.Unmount(); u.Pending != 0 {
		t.Errorf("%+v", u)
	}
	auditVolume(t, v, openBucket(t, v))
	v.WipeLocal()
	v.Log.Expect("recovered after a crash") // files are missing
	v.Mount()
	if got := string(v.Read(long)) + string(v.Read(umlauts)); got != "longumlauts" {
		t.Errorf("read %q", got)
	}
	v.Unmount()
}

// TestURL asks for addresses, of a mounted volume and of one that is not.
func TestURL(t *testing.T) {
	v := start(t)
	v.Mount("--site-url", "https://www.example.com")
	const path = "003d34b5ba832f753ad91a6cdac1921f/image/large/tanning bed.jpg"
	v.Write(path, []byte("content"))
	want(t, v.Run("url", v.Join(path)), 0, "https://www.example.com/003d34b5ba832f753ad91a6cdac1921f/image/large/tanning%20bed.jpg\n")
	v.Await("the upload", func() bool { return v.Status().Counts.Waiting.Count == 0 })
	mounted := v.Run("url", v.Join(path))
	want(t, mounted, 0, v.Endpoint+"/"+life.Bucket+"/"+life.Prefix+"/003d34b5ba832f753ad91a6cdac1921f_", "_image_large_tanning%20bed.jpg\n")
	var j struct {
		URLs []struct{ Path, URL, Error string }
	}
	r := v.Run("url", "--format", "json", v.Join(path), v.Join("none"))
	if err := errors.Join(r.Want(1), r.JSON(&j)); err != nil {
		t.Error(err)
	} else if len(j.URLs) != 2 || j.URLs[0].URL+"\n" != mounted.Stdout || j.URLs[1].Error == "" {
		t.Errorf("%+v", j)
	}
	want(t, v.Run("url", t.TempDir()), 1, "not in a mount of contentfs")
	var buf [1024]byte
	n, err := unix.Getxattr(v.Join(path), "user.contentfs.url", buf[:])
	if err != nil || string(buf[:n])+"\n" != mounted.Stdout {
		t.Errorf("attribute %q, %v; command %q", buf[:max(n, 0)], err, mounted.Stdout)
	}
	v.Unmount()
	inside := v.Run("url", "--state", v.State, "--endpoint", v.Endpoint, "--path-style", "--volume", v.Name, "/"+path)
	want(t, inside, 0, mounted.Stdout)
	store := openBucket(t, v)
	key := strings.TrimSpace(strings.ReplaceAll(strings.TrimPrefix(inside.Stdout, v.Endpoint+"/"+life.Bucket+"/"), "%20", " "))
	if _, err := store.Stat(context.Background(), key); err != nil {
		t.Errorf("nothing lies where %q says: %v", inside.Stdout, err)
	}
}
