package programs_test

import (
	"bytes"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// noise returns bytes that no compression makes shorter, the same for every seed.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// fixture makes a tree with one of everything that a file system has, in a plain
// directory, for programs that copy it. It is $1 of what copy runs.
func (p *place) fixture() string {
	p.Helper()
	t := p.T
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, mode := range map[string]uint32{"site": 0o755, "site/image": 0o2775, "site/empty": 0o700, "site/drop": 0o1777} {
		must(t, os.MkdirAll(at(name), 0o755))
		must(t, unix.Chmod(at(name), mode))
	}
	for name, content := range map[string][]byte{
		"site/image/large.jpg":         noise(1, 300_000),
		"site/image/empty":             nil,
		"site/page.html":               bytes.Repeat([]byte("<p>text</p>\n"), 500),
		"site/it's a \"name\" \n é":    []byte("odd"),
		"site/-rf":                     []byte("a dash in front"),
		"site/latin1-\xe9":             []byte("no UTF-8"),
		"site/" + string(letters(255)): []byte("long"),
	} {
		must(t, os.WriteFile(at(name), content, 0o644))
	}
	must(t, os.WriteFile(at("site/run"), []byte("#!/bin/sh\n"), 0o755))
	must(t, unix.Chown(at("site/run"), 1234, 5678))
	must(t, unix.Chmod(at("site/run"), 0o6751))
	must(t, unix.Chmod(at("site/image/empty"), 0o000))
	sparse(t, at("site/sparse"))
	must(t, os.Link(at("site/page.html"), at("site/image/same.html")))
	must(t, os.Link(at("site/page.html"), at("site/again.html")))
	must(t, os.Symlink("image/large.jpg", at("site/link")))
	must(t, os.Symlink("/nonexistent/target", at("site/dangling")))
	must(t, unix.Lchown(at("site/dangling"), 4, 5))
	must(t, unix.Mkfifo(at("site/fifo"), 0o620))
	for _, name := range []string{"site/page.html", "site/image"} {
		must(t, unix.Setxattr(at(name), "user.mime_type", []byte("text/html"), 0))
		must(t, unix.Setxattr(at(name), "user.binary", []byte{0, 1, 255}, 0))
	}
	age(t, dir)
	return dir
}

// sparse makes a file with data between two holes.
func sparse(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	_, err = f.WriteAt(noise(2, 64<<10), 1<<20)
	must(t, err)
	must(t, f.Truncate(4<<20))
}

// age gives every node below dir times of its own in the past.
func age(t *testing.T, dir string) {
	t.Helper()
	n := int64(0)
	var names []string
	must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return err
	}))
	for _, path := range names {
		n++
		// A read does not move an access time that is later than the change.
		mtime := unix.Timespec{Sec: 1_000_000_000 + 86_400*n, Nsec: 123_456_789 + n}
		atime := unix.Timespec{Sec: 1_000_000_000 + 86_400*n + 60, Nsec: 987_654_321 - n}
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{atime, mtime}, unix.AT_SYMLINK_NOFOLLOW))
	}
}

func letters(n int) []byte { return bytes.Repeat([]byte("n"), n) }

func writeFile(path string, content []byte) error { return os.WriteFile(path, content, 0o644) }

// quoteGlobs keeps the shell from seeing patterns that are find's.
func quoteGlobs(s string) string { return strings.ReplaceAll(s, "*", `\*`) }

func replaceAll(s, old, by string) string { return strings.ReplaceAll(s, old, by) }

// splitAddress returns the two parts of a TCP address.
func splitAddress(t *testing.T, address string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	must(t, err)
	return host, port
}
