package volume_test

import (
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

func TestPosixTimes(t *testing.T) {
	volumetest.Each(t, undrained, func(v *volumetest.Volume) {
		compare(v, "set", setTimes)
		compare(v, "write", timesOfWrites)
		compare(v, "new", timesOfNew)
		v.Unmount()
		v.Mount()
		p := &place{T: v.T, dir: v.Join("set")}
		for _, sec := range sensible {
			p.checkTimes(fmt.Sprint(sec), unix.Timespec{Sec: sec, Nsec: 999_999_999}, unix.Timespec{Sec: sec, Nsec: 1})
		}
	})
}

// sensible are times that ext4 and we can keep: of 1901 to 2262.
var sensible = []int64{0, 1, -1, -1_000_000_000, math.MinInt32 + 1, math.MaxInt32, math.MaxInt32 + 1, math.MaxUint32, math.MaxUint32 + 1, 9_223_372_035}

func (p *place) checkTimes(name string, atime, mtime unix.Timespec) {
	p.Helper()
	st, ok := p.times(name)
	if !ok || st.Atim != atime || st.Mtim != mtime {
		p.Errorf("%s: times %v %v, not %v %v", name, st.Atim, st.Mtim, atime, mtime)
	}
}

func setTimes(p *place) {
	for _, sec := range sensible {
		name := fmt.Sprint(sec)
		p.make(name, "x")
		atime, mtime := unix.Timespec{Sec: sec, Nsec: 999_999_999}, unix.Timespec{Sec: sec, Nsec: 1}
		must(p.T, unix.UtimesNanoAt(unix.AT_FDCWD, p.path(name), []unix.Timespec{atime, mtime}, 0))
		p.checkTimes(name, atime, mtime)
	}
	p.make("f", "x")
	old := unix.Timespec{Sec: 1_000_000_000, Nsec: 5}
	for _, c := range []struct {
		name   string
		at, mt unix.Timespec
	}{
		{"both now", unix.Timespec{Nsec: unix.UTIME_NOW}, unix.Timespec{Nsec: unix.UTIME_NOW}},
		{"one now", unix.Timespec{Nsec: unix.UTIME_NOW}, unix.Timespec{Sec: 7}},
		{"omit atime", unix.Timespec{Nsec: unix.UTIME_OMIT}, unix.Timespec{Sec: 7}},
		{"omit mtime", unix.Timespec{Sec: 8}, unix.Timespec{Nsec: unix.UTIME_OMIT}},
		{"omit both", unix.Timespec{Nsec: unix.UTIME_OMIT}, unix.Timespec{Nsec: unix.UTIME_OMIT}},
		{"now and omit", unix.Timespec{Nsec: unix.UTIME_OMIT}, unix.Timespec{Nsec: unix.UTIME_NOW}},
		{"too many nanoseconds", unix.Timespec{Nsec: 1_000_000_000}, unix.Timespec{}},
		{"negative nanoseconds", unix.Timespec{Nsec: -1}, unix.Timespec{}},
	} {
		for _, open := range []bool{false, true} {
			must(p.T, unix.UtimesNanoAt(unix.AT_FDCWD, p.path("f"), []unix.Timespec{old, old}, 0))
			before, _ := p.times("f")
			p.tick()
			if open { // with something to commit
				f, err := os.OpenFile(p.path("f"), os.O_WRONLY|os.O_APPEND, 0)
				must(p.T, err)
				_, err = f.WriteString("more")
				must(p.T, err)
				err = unix.UtimesNanoAt(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), []unix.Timespec{c.at, c.mt}, 0)
				p.try(c.name+" of an open file", err)
				must(p.T, f.Close())
			} else {
				p.try(c.name, unix.UtimesNanoAt(unix.AT_FDCWD, p.path("f"), []unix.Timespec{c.at, c.mt}, 0))
			}
			st, _ := p.times("f")
			kind := func(t unix.Timespec) string {
				if time.Since(time.Unix(t.Unix())) < time.Hour {
					return "now"
				}
				return fmt.Sprint(t)
			}
			p.note("%s: %s %s, changed %v", c.name, kind(st.Atim), kind(st.Mtim), st.Ctim != before.Ctim)
		}
	}
}

// timesOfWrites notes which calls move the times of a file, when, and that its
// close does not.
func timesOfWrites(p *place) {
	p.make("f", "some content")
	f, err := os.OpenFile(p.path("f"), os.O_RDWR, 0)
	must(p.T, err)
	before, _ := p.times("f")
	look := func(what string, err error) {
		p.try(what, err)
		st, _ := p.times("f")
		p.note("%s: modified %v, changed %v, accessed %v", what, st.Mtim != before.Mtim, st.Ctim != before.Ctim, st.Atim != before.Atim)
		before = st
		p.tick()
	}
	p.tick()
	_, err = f.WriteAt([]byte("x"), 0)
	look("write", err)
	_, err = f.WriteAt(nil, 0)
	look("write of nothing", err)
	look("fsync", f.Sync())
	_, err = f.WriteAt([]byte("x"), 100)
	look("write behind the end", err)
	look("close", f.Close())
	look("stat", nil)
	f, err = os.OpenFile(p.path("f"), os.O_RDWR, 0)
	look("open", err)
	look("truncate to the same size", f.Truncate(101))
	look("truncate", f.Truncate(50))
	look("fallocate", unix.Fallocate(int(f.Fd()), 0, 0, 10))
	look("fallocate beyond", unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, 10_000))
	look("punch", unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE|unix.FALLOC_FL_PUNCH_HOLE, 0, 10))
	look("chmod", f.Chmod(0o600))
	look("second close", f.Close())
	look("truncate by path to the same size", os.Truncate(p.path("f"), 50))
	look("truncate by path", os.Truncate(p.path("f"), 20))
	look("rewrite", os.WriteFile(p.path("f"), []byte("y"), 0))
	look("emptied", os.WriteFile(p.path("f"), nil, 0))
}

// timesOfNew notes that a new node has one time, its maker's, and its directory too.
func timesOfNew(p *place) {
	for _, kind := range kinds[1:] {
		must(p.T, os.Mkdir(p.path("dir "+kind.name), 0o755))
		p.tick()
		from := time.Now().Add(-10 * time.Millisecond) // the clock of files is coarse
		kind.make(p, "dir "+kind.name+"/x")
		to := time.Now()
		st, _ := p.times("dir " + kind.name + "/x")
		dir, _ := p.times("dir " + kind.name)
		for what, t := range map[string]unix.Timespec{"access": st.Atim, "modification": st.Mtim, "change": st.Ctim, "directory": dir.Mtim} {
			if at := time.Unix(t.Unix()); at.Before(from) || at.After(to) {
				p.Errorf("%s: time of %s is %v; it was made between %v and %v", kind.name, what, at, from, to)
			}
		}
		p.note("%s: directory's times agree: %v", kind.name, dir.Mtim == dir.Ctim)
	}
}

// TestPosixFarTimes: a time that cannot be kept becomes the nearest that can.
func TestPosixFarTimes(t *testing.T) {
	volumetest.Each(t, alone, func(v *volumetest.Volume) {
		t := v.T
		v.Write("f", []byte("x"))
		for _, sec := range []int64{1 << 34, 1 << 40, -1 << 40} {
			must(t, unix.UtimesNanoAt(unix.AT_FDCWD, v.Join("f"), []unix.Timespec{{Sec: sec}, {Sec: sec}}, 0))
			st := lstat(v, "f")
			want := unix.NsecToTimespec(math.MaxInt64)
			if sec < 0 {
				want = unix.NsecToTimespec(math.MinInt64)
			}
			if st.Mtim.Sec != want.Sec || st.Atim.Sec != want.Sec {
				t.Errorf("time %d became %d and %d, not %d", sec, st.Atim.Sec, st.Mtim.Sec, want.Sec)
			}
		}
	})
}
