package programs_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// snapshot describes all below dir, a line for each fact about each name, sorted by
// name. Times from begin on are "now".
func snapshot(t *testing.T, dir string, begin time.Time) []string {
	t.Helper()
	var lines []string
	first := map[uint64]string{} // by inode number
	must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return fmt.Errorf("lstat %s: %w", path, err)
		}
		facts := []string{
			fmt.Sprintf("mode %o", st.Mode),
			fmt.Sprintf("owner %d:%d", st.Uid, st.Gid),
			fmt.Sprintf("links %d", st.Nlink),
			"mtime " + stamp(st.Mtim, begin), "ctime " + stamp(st.Ctim, begin),
		}
		if st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1 {
			if _, ok := first[st.Ino]; !ok {
				first[st.Ino] = name
			}
			facts = append(facts, "is "+first[st.Ino])
		}
		more, err := about(path, &st)
		if err != nil {
			return err
		}
		for _, fact := range append(facts, more...) {
			lines = append(lines, fmt.Sprintf("%q %s", name, fact))
		}
		return nil
	}))
	return lines
}

func stamp(ts unix.Timespec, begin time.Time) string {
	if at := time.Unix(ts.Unix()); at.Before(begin) {
		return fmt.Sprintf("%d.%09d", ts.Sec, ts.Nsec)
	}
	return "now"
}

// about tells what is particular to the type of a node, and its attributes.
func about(path string, st *unix.Stat_t) (facts []string, err error) {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		target, err := os.Readlink(path)
		return []string{fmt.Sprintf("size %d", st.Size), "target " + target}, err // it has no attributes
	case unix.S_IFCHR, unix.S_IFBLK:
		facts = []string{fmt.Sprintf("device %x", st.Rdev)}
	case unix.S_IFREG:
		sum, segments, err := contentOf(path)
		if err != nil {
			return nil, err
		}
		facts = []string{fmt.Sprintf("size %d", st.Size), fmt.Sprintf("sha256 %x", sum),
			"data " + segments, fmt.Sprintf("sparse %t", st.Blocks*512 < st.Size)}
	}
	attrs, err := attributes(path)
	return append(facts, attrs...), err
}

// contentOf returns the checksum of a file and where its data lies between holes.
func contentOf(path string) (sum [sha256.Size]byte, segments string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, "", err
	}
	defer f.Close()
	for end := int64(0); ; {
		data, err := unix.Seek(int(f.Fd()), end, unix.SEEK_DATA)
		if err == unix.ENXIO {
			break
		}
		if err != nil {
			return sum, "", fmt.Errorf("SEEK_DATA in %s: %w", path, err)
		}
		if end, err = unix.Seek(int(f.Fd()), data, unix.SEEK_HOLE); err != nil {
			return sum, "", fmt.Errorf("SEEK_HOLE in %s: %w", path, err)
		}
		segments += fmt.Sprintf("[%d,%d)", data, end)
	}
	b, err := os.ReadFile(path)
	return sha256.Sum256(b), segments, err
}

// attributes lists the extended attributes of a node.
func attributes(path string) (facts []string, err error) {
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, buf)
	if err != nil {
		return nil, fmt.Errorf("llistxattr %s: %w", path, err)
	}
	names := strings.FieldsFunc(string(buf[:n]), func(r rune) bool { return r == 0 })
	slices.Sort(names)
	for _, name := range names {
		n, err := unix.Lgetxattr(path, name, buf)
		if err != nil {
			return nil, fmt.Errorf("lgetxattr %s of %s: %w", name, path, err)
		}
		facts = append(facts, fmt.Sprintf("attribute %s %q", name, buf[:n]))
	}
	return facts, nil
}
