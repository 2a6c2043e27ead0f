package volume_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

// childEnv makes the test binary run one of the children instead of the tests.
const childEnv = "CONTENTFS_TEST_CHILD"

// children are what must not run in the process that serves the mount: a page
// fault there holds up the Go scheduler, and a signal ends the server too.
var children = map[string]func(args []string) error{
	"mmap":      childMmap,
	"fsx":       childFsx,
	"read":      childRead,
	"inherit":   childInherit,
	"maps":      childMaps,
	"lock":      childLock,
	"posixtest": childPosixtest,
}

func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		if err := children[name](os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child prepares a child process.
func child(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), childEnv+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// attr reads an extended attribute, "" when there is none.
func attr(t *testing.T, path, name string) string {
	t.Helper()
	buf := make([]byte, 4096)
	n, err := unix.Getxattr(path, name, buf)
	if err == unix.ENODATA {
		return ""
	}
	if err != nil {
		t.Fatalf("getxattr %s %s: %v", path, name, err)
	}
	return string(buf[:n])
}

// awaitS3 waits until the file's own attribute says that it is in S3.
func awaitS3(v *volumetest.Volume, path string) {
	v.Helper()
	v.Await(path+" in S3", func() bool { return attr(v.T, v.Join(path), "user.contentfs.state") == "s3" })
}

// expect fails the test unless the file has this content, as the application sees
// it.
func expect(v *volumetest.Volume, path string, want []byte) {
	v.Helper()
	got := v.Read(path)
	if !bytes.Equal(got, want) {
		v.Fatalf("%s has %s, not %s", path, brief(got), brief(want))
	}
	st, err := os.Stat(v.Join(path))
	if err != nil {
		v.Fatal(err)
	}
	if st.Size() != int64(len(want)) {
		v.Errorf("stat says that %s has %d bytes, not %d", path, st.Size(), len(want))
	}
}

func brief(b []byte) string {
	if len(b) > 16 {
		return fmt.Sprintf("%d bytes %x...%x", len(b), b[:8], b[len(b)-8:])
	}
	return fmt.Sprintf("%q", b)
}

// expectObject waits until the file's content is in S3 and fails the test unless
// the object has exactly these bytes.
func expectObject(v *volumetest.Volume, path string, want []byte) {
	v.Helper()
	awaitS3(v, path)
	got, err := os.ReadFile(v.Object(attr(v.T, v.Join(path), "user.contentfs.key")))
	if err != nil {
		v.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		v.Fatalf("object of %s has %s, not %s", path, brief(got), brief(want))
	}
}

// must fails the test if err is not nil.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a file of the volume, which the test's end closes if it is open then.
func open(v *volumetest.Volume, path string, flags int) *os.File {
	v.Helper()
	f, err := os.OpenFile(v.Join(path), flags, 0o644)
	if err != nil {
		v.Fatal(err)
	}
	v.Cleanup(func() { f.Close() })
	return f
}

// write writes and fails the test unless all was written.
func write(t testing.TB, f *os.File, b []byte, off int64) {
	t.Helper()
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

// contentOf reads the whole file through an open descriptor.
func contentOf(t testing.TB, f *os.File) []byte {
	t.Helper()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, st.Size()+1)
	n, err := f.ReadAt(b, 0)
	if int64(n) != st.Size() {
		t.Fatalf("read %d of %d bytes: %v", n, st.Size(), err)
	}
	return b[:n]
}

// within fails the test if do takes longer than limit.
func within(t testing.TB, limit time.Duration, what string, do func()) {
	t.Helper()
	start := time.Now()
	do()
	if d := time.Since(start); d > limit {
		t.Errorf("%s took %v; the limit is %v", what, d, limit)
	}
}
