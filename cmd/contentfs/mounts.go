package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// fsType is what the kernel calls our mounts.
const fsType = "fuse.contentfs"

// mountEntry is one mount of the kernel's list.
type mountEntry struct {
	point  string
	fstype string
	source string // of our mounts, the name of the volume
}

// mounts reads the kernel's list of mounts, in the order they were made.
func (p *program) mounts() ([]mountEntry, error) {
	f, err := os.Open(p.paths.mounts)
	if err != nil {
		return nil, fmt.Errorf("list of mounts: %w", err)
	}
	defer f.Close()
	list, err := parseMounts(f)
	if err != nil {
		return nil, fmt.Errorf("list of mounts: %w", err)
	}
	return list, nil
}

// parseMounts reads the format of proc_pid_mountinfo(5). Lines that are not
// understood are no mounts of ours.
func parseMounts(r io.Reader) ([]mountEntry, error) {
	var list []mountEntry
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		place, kind, ok := strings.Cut(in.Text(), " - ")
		before, after := strings.Fields(place), strings.Fields(kind)
		if !ok || len(before) < 5 || len(after) < 2 {
			continue
		}
		list = append(list, mountEntry{point: unescape(before[4]), fstype: after[0], source: unescape(after[1])})
	}
	return list, in.Err()
}

// unescape undoes the kernel's \ooo for spaces and the like.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && octalDigits(s[i+1:i+4]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func octalDigits(s string) bool { return strings.Trim(s, "01234567") == "" && s[0] < '4' }

// mountOf returns the mount of the volume called name.
func mountOf(list []mountEntry, name string) (mountEntry, bool) {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].fstype == fsType && list[i].source == name {
			return list[i], true
		}
	}
	return mountEntry{}, false
}

// mountAt returns the mount that holds path, which is absolute and clean. The
// path itself is not touched: on a dead mount that would fail, on a hung one hang.
func mountAt(list []mountEntry, path string) (mountEntry, bool) {
	best, found := mountEntry{}, false
	for _, m := range list {
		if inside(path, m.point) && (!found || len(m.point) >= len(best.point)) {
			best, found = m, true // of two at one place, the later one covers the other
		}
	}
	return best, found && best.fstype == fsType
}

// inside reports whether path is dir or lies below it.
func inside(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}

// deadWait bounds how long a mount may take to answer before it counts as hung.
const deadWait = 5 * time.Second

// dead reports whether the process behind a mount is gone. Only the kernel's own
// word counts: a mount that is slow or hangs is not dead.
func dead(point string) bool {
	answer := make(chan error, 1)
	// statfs may hang with the mount; then its goroutine stays until the process ends.
	go func() {
		var st unix.Statfs_t
		answer <- unix.Statfs(point, &st)
	}()
	t := time.NewTimer(deadWait)
	defer t.Stop()
	select {
	case err := <-answer:
		return errors.Is(err, unix.ENOTCONN)
	case <-t.C:
		return false
	}
}
