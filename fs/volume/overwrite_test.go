package volume_test

import (
	"bytes"
	"os"
	"slices"
	"testing"
	"time"

	"contentfs/fs/volume"
	"contentfs/fs/volume/volumetest"
)

func TestOverwriteMakesANewObject(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		first, second := random(3000), random(2000)
		v.Write(scaled, first)
		expectObject(v, scaled, first)
		old := attr(t, v.Join(scaled), "user.contentfs.key")
		v.Write(scaled, second)
		v.Await("another key", func() bool {
			key := attr(t, v.Join(scaled), "user.contentfs.key")
			return key != "" && key != old
		})
		expectObject(v, scaled, second)
		kept, err := os.ReadFile(v.Object(old))
		must(t, err)
		if !bytes.Equal(kept, first) {
			t.Errorf("the old object has %s, not %s", brief(kept), brief(first))
		}
		if keys := v.List(); len(keys) != 2 || !slices.Contains(keys, old) || keys[0] != old {
			t.Errorf("objects %q; the old one is %q and sorts first", keys, old)
		}
	})
}

// TestSaveByRenameUploadsOnce: with the usual debounce, a temporary name and
// several rewrites leave no object behind.
func TestSaveByRenameUploadsOnce(t *testing.T) {
	v := volumetest.Proxied(t, func(o *volume.Options) { o.Debounce = 0 })
	const dir = "003d34b5ba832f753ad91a6cdac1921f/file/"
	var last []byte
	for i := range 3 {
		last = random(1000 + i)
		v.Write(dir+"upload.part", last)
		must(t, os.Rename(v.Join(dir, "upload.part"), v.Join(dir, "report.pdf")))
	}
	expectObject(v, dir+"report.pdf", last)
	if got := writes(v); len(got) != 1 || got[0].Method != "PUT" {
		t.Errorf("requests for three saves: %v", got)
	}
	if o := statObject(v, v.List()[0]); o.Metadata["path"] != "/"+dir+"report.pdf" || o.ContentType != "application/pdf" {
		t.Errorf("object %s is %s at %s", o.Key, o.ContentType, o.Metadata["path"])
	}
}

// ways are the states of a file at the moment somebody opens it for writing.
var ways = map[string]func(v *volumetest.Volume, path string){
	"only here": func(v *volumetest.Volume, path string) {},
	"in S3":     func(v *volumetest.Volume, path string) { awaitS3(v, path) },
	"not here": func(v *volumetest.Volume, path string) {
		awaitS3(v, path)
		v.EvictAll()
	},
}

// edits are what happens to it then. They return what the file must hold.
var edits = map[string]func(v *volumetest.Volume, path string, old []byte) []byte{
	"rewrite": func(v *volumetest.Volume, path string, old []byte) []byte {
		want := random(len(old) / 2)
		must(v.T, os.WriteFile(v.Join(path), want, 0o644))
		return want
	},
	"append": func(v *volumetest.Volume, path string, old []byte) []byte {
		f := open(v, path, os.O_WRONLY|os.O_APPEND)
		_, err := f.WriteString("more")
		must(v.T, err)
		must(v.T, f.Close())
		return append(slices.Clone(old), "more"...)
	},
	"edit": func(v *volumetest.Volume, path string, old []byte) []byte {
		f := open(v, path, os.O_RDWR)
		write(v.T, f, []byte("edited"), 700)
		must(v.T, f.Close())
		want := slices.Clone(old)
		copy(want[700:], "edited")
		return want
	},
	"shorten": func(v *volumetest.Volume, path string, old []byte) []byte {
		must(v.T, os.Truncate(v.Join(path), 100))
		return old[:100]
	},
	"lengthen": func(v *volumetest.Volume, path string, old []byte) []byte {
		must(v.T, os.Truncate(v.Join(path), int64(len(old)+5000)))
		return append(slices.Clone(old), make([]byte, 5000)...)
	},
	"empty": func(v *volumetest.Volume, path string, old []byte) []byte {
		must(v.T, os.Truncate(v.Join(path), 0))
		return nil
	},
}

func TestChangeInEveryState(t *testing.T) {
	// The uploads of "only here" must not come between.
	debounce := func(o *volume.Options) { o.Debounce = 300 * time.Millisecond }
	volumetest.Each(t, debounce, func(v *volumetest.Volume) {
		for state := range ways {
			contents := make(map[string][]byte)
			for edit := range edits {
				contents[edit] = random(20_000)
				v.Write(state+"/"+edit, contents[edit])
			}
			if state != "only here" {
				for edit := range edits {
					awaitS3(v, state+"/"+edit)
				}
			}
			if state == "not here" {
				v.EvictAll()
			}
			want := make(map[string][]byte)
			for edit, do := range edits {
				path := state + "/" + edit
				want[path] = do(v, path, contents[edit])
				expect(v, path, want[path])
			}
			for path, content := range want {
				expectObject(v, path, content)
			}
			v.EvictAll()
			for path, content := range want {
				expect(v, path, content)
			}
		}
	})
}

// TestEditBesideReaders: the file has readers when it is opened for writing, and
// both go on; what was committed before stays in S3 as it was.
func TestEditBesideReaders(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		for state, enter := range ways {
			path := "beside readers " + state
			old := random(20_000)
			v.Write(path, old)
			enter(v, path)
			reader := open(v, path, os.O_RDONLY)
			if got := contentOf(t, reader); !bytes.Equal(got, old) {
				t.Fatalf("%s: reader has %s", path, brief(got))
			}
			want := edits["edit"](v, path, old)
			if got := contentOf(t, reader); !bytes.Equal(got, want) {
				t.Errorf("%s: the reader that was there has %s after the edit, not %s", path, brief(got), brief(want))
			}
			want = edits["append"](v, path, want)
			expect(v, path, want)
			if got := contentOf(t, reader); !bytes.Equal(got, want) {
				t.Errorf("%s: the reader that was there has %s after the append, not %s", path, brief(got), brief(want))
			}
			must(t, reader.Close())
			expectObject(v, path, want)
			expect(v, path, want)
		}
	})
}

// TestEditBesideWriters: two writers, one of whom closes first.
func TestEditBesideWriters(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		for state, enter := range ways {
			path := "beside writers " + state
			want := random(20_000)
			v.Write(path, want)
			enter(v, path)
			a, b := open(v, path, os.O_RDWR), open(v, path, os.O_WRONLY)
			write(t, a, []byte("from a"), 10)
			write(t, b, []byte("from b"), 100)
			copy(want[10:], "from a")
			copy(want[100:], "from b")
			must(t, a.Close())
			expect(v, path, want)
			write(t, b, []byte("later b"), 200)
			copy(want[200:], "later b")
			must(t, b.Close())
			expect(v, path, want)
			expectObject(v, path, want)
		}
	})
}

func TestFsyncThenMoreWrites(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		f := open(v, "log", os.O_CREATE|os.O_RDWR)
		var want []byte
		for i := range 20 {
			piece := random(100 + i)
			write(t, f, piece, int64(len(want)))
			want = append(want, piece...)
			must(t, f.Sync())
			if ver := v.Version("log"); ver.Size != int64(len(want)) {
				t.Fatalf("%d bytes are on record after the %d-th fsync, not %d", ver.Size, i+1, len(want))
			}
		}
		write(t, f, []byte("unsynced"), int64(len(want)))
		want = append(want, "unsynced"...)
		if len(v.List()) != 0 {
			t.Error("a file that is open for writing was uploaded")
		}
		must(t, f.Close())
		expect(v, "log", want)
		expectObject(v, "log", want)
	})
}
