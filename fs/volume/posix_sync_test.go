package volume_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestPosixSyncWrites(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		compare(v, "mixed", mixSyncWriters)
	})
}

// mixSyncWriters writes by descriptors with O_SYNC and without, and reads by all.
func mixSyncWriters(p *place) {
	p.make("f", "0123456789")
	var files []*os.File
	for _, flags := range []int{os.O_RDWR, os.O_RDWR | unix.O_SYNC, os.O_RDWR | unix.O_DSYNC, os.O_RDWR | unix.O_SYNC | os.O_APPEND} {
		f, err := os.OpenFile(p.path("f"), flags, 0)
		must(p.T, err)
		defer f.Close()
		files = append(files, f)
	}
	for i, f := range files {
		n, err := f.Write([]byte(fmt.Sprintf("%d writes", i)))
		p.note("%d: %d %s", i, n, ending(err))
		n, err = unix.Pwrite(int(f.Fd()), []byte(fmt.Sprintf("%d behind", i)), int64(20*i+20))
		p.note("%d: %d %s", i, n, ending(err))
		p.try("truncate", f.Truncate(int64(30*i+40)))
		for _, r := range files {
			p.note("%q", contentOf(p.T, r))
		}
		p.stat("f")
	}
	p.read("f")
}

// TestPosixSyncWritesCrash: with O_SYNC and O_DSYNC a write that returned is there
// after a crash, though nothing was closed. What is found on disk is a copy, made at
// that moment.
func TestPosixSyncWritesCrash(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		t := v.T
		v.Log.Expect("recovered after a crash")
		want := make(map[string][]byte)
		var files []*os.File
		for _, state := range []string{"not here", "in S3", "only here"} {
			for name, flags := range map[string]int{"sync": unix.O_SYNC, "data sync": unix.O_DSYNC} {
				path := state + " " + name
				content := random(30_000)
				v.Write(path, content)
				ways[state](v, path)
				f := open(v, path, os.O_RDWR|flags)
				write(t, f, []byte("written"), 10_000)
				copy(content[10_000:], "written")
				write(t, f, []byte("appended"), int64(len(content)))
				want[path] = append(content, "appended"...)
				if ver := v.Version(path); ver.Size != int64(len(want[path])) {
					t.Errorf("%s: %d bytes are on record, not %d", path, ver.Size, len(want[path]))
				}
				if state == "only here" {
					files = append(files, f)
				} else {
					must(t, f.Close()) // the next state needs the volume unmounted
				}
			}
		}
		for _, flags := range []int{unix.O_SYNC, unix.O_DSYNC} {
			path := fmt.Sprintf("new %x", flags)
			f := open(v, path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|flags)
			want[path] = random(5000)
			write(t, f, want[path], 0)
			files = append(files, f)
		}
		crash := crashed(v)
		for _, f := range files {
			must(t, f.Close())
		}
		v.Unmount()
		must(t, os.Rename(v.Options.State, v.Options.State+".old"))
		must(t, os.Rename(crash, v.Options.State))
		v.Mount()
		for path, content := range want {
			if got := v.Read(path); !bytes.Equal(got, content) {
				t.Errorf("%s is %s after the crash, not %s", path, brief(got), brief(content))
			}
		}
	})
}
