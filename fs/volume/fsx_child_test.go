package volume_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// What the child asks the test for, with all its descriptors closed.
const (
	fsxUpload = "upload" // the content in S3
	fsxEvict  = "evict"  // and nowhere else
)

// fsxMost is how large the file becomes, fsxPage what direct access is aligned to.
const (
	fsxMost = 256 << 10
	fsxPage = 4096
)

// fsx is one file and what it must hold.
type fsx struct {
	rnd   *rand.Rand
	path  string
	good  []byte
	fd    [4]int // by the flags of fsxFlags
	log   []string
	lacks map[string]bool // what the filesystem does not support
	in    *bufio.Scanner
	step  int
}

// fsxFlags are those of the descriptors that are open all the time.
var fsxFlags = [...]int{unix.O_RDWR, unix.O_RDONLY, unix.O_RDWR | unix.O_APPEND, unix.O_RDWR | unix.O_DIRECT}

const (
	fsxMain = iota
	fsxOther
	fsxAppend
	fsxDirect
)

// childFsx does args[2] operations, drawn with the seed args[1], to the file args[0].
func childFsx(args []string) error {
	seed, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return err
	}
	ops, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	x := &fsx{
		rnd: rand.New(rand.NewPCG(seed, 1)), path: args[0],
		lacks: make(map[string]bool), in: bufio.NewScanner(os.Stdin),
	}
	if err := os.WriteFile(x.path, nil, 0o644); err != nil {
		return err
	}
	if err := x.open(); err != nil {
		return err
	}
	for x.step = 1; x.step <= ops; x.step++ {
		if err := x.do(); err != nil {
			x.tell()
			return fmt.Errorf("step %d: %w", x.step, err)
		}
	}
	fmt.Printf("%d operations; not supported here: %q\n", ops, slices.Sorted(maps.Keys(x.lacks)))
	return x.close()
}

// tell prints the last operations, the newest at the end.
func (x *fsx) tell() {
	for _, line := range x.log[max(0, len(x.log)-60):] {
		fmt.Println(line)
	}
}

func (x *fsx) note(format string, args ...any) {
	x.log = append(x.log, fmt.Sprintf("%d: ", x.step)+fmt.Sprintf(format, args...)+fmt.Sprintf(" (of %d)", len(x.good)))
}

func (x *fsx) open() (err error) {
	for i, flags := range fsxFlags {
		if x.fd[i], err = unix.Open(x.path, flags|unix.O_CLOEXEC, 0); err != nil {
			return fmt.Errorf("open with %#x: %w", flags, err)
		}
	}
	return nil
}

func (x *fsx) close() error {
	var errs []error
	for _, fd := range x.fd {
		errs = append(errs, unix.Close(fd))
	}
	return errors.Join(errs...)
}

// do makes one operation and looks at the file in one of several ways.
func (x *fsx) do() error {
	ops := []func() error{
		x.write, x.write, x.write, x.append, x.truncate, x.truncate, x.mapWrite, x.mapWrite, x.mapRead,
		x.copy, x.copy, x.allocate, x.punch, x.punch, x.zero, x.collapse, x.insert,
		x.directWrite, x.directRead, x.sync, x.seek,
	}
	n := x.rnd.IntN(40 * len(ops))
	var err error
	switch {
	case n == 0:
		err = x.happen(fsxEvict)
	case n == 1:
		err = x.happen(fsxUpload)
	case n < 16:
		err = x.reopen()
	default:
		err = ops[n%len(ops)]()
	}
	if err != nil {
		return err
	}
	if x.rnd.IntN(10) == 0 {
		return x.compare(0, len(x.good), fsxOther)
	}
	off, n := x.piece()
	return x.compare(off, min(off+n, len(x.good)), x.rnd.IntN(2))
}

// piece is some range that begins in the file or a little behind its end.
func (x *fsx) piece() (off, n int) {
	off = x.rnd.IntN(min(len(x.good)+fsxPage, fsxMost))
	n = 1 + x.rnd.IntN(min(fsxMost-off, 16*fsxPage))
	if x.rnd.IntN(3) == 0 {
		off &^= fsxPage - 1
		n = max(fsxPage, n&^(fsxPage-1))
		n = min(n, fsxMost-off)
	}
	return off, n
}

// compare reads a part of the file, and its size.
func (x *fsx) compare(from, to, by int) error {
	var st unix.Stat_t
	if err := unix.Fstat(x.fd[by], &st); err != nil {
		return fmt.Errorf("fstat: %w", err)
	}
	if st.Size != int64(len(x.good)) {
		return fmt.Errorf("the size is %d, not %d", st.Size, len(x.good))
	}
	if from >= to {
		return nil
	}
	got := make([]byte, to-from)
	n, err := unix.Pread(x.fd[by], got, int64(from))
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return x.same("read", from, got[:n], to-from)
}

// same compares bytes of the file with the right ones.
func (x *fsx) same(what string, from int, got []byte, n int) error {
	want := x.good[from : from+n]
	if bytes.Equal(got, want) {
		return nil
	}
	if len(got) != n {
		return fmt.Errorf("%s at %d: %d bytes instead of %d", what, from, len(got), n)
	}
	i := 0
	for got[i] == want[i] {
		i++
	}
	last := n - 1
	for got[last] == want[last] {
		last--
	}
	return fmt.Errorf("%s at %d: bytes %d to %d differ, the first is %#x and not %#x", what, from, from+i, from+last, got[i], want[i])
}

// fresh are bytes that no other step writes.
func (x *fsx) fresh(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(x.step*131 + i*7 + 1)
	}
	return b
}

// put changes what the file must hold.
func (x *fsx) put(off int, b []byte) {
	x.grow(off + len(b))
	copy(x.good[off:], b)
}

func (x *fsx) grow(size int) {
	x.good = append(x.good, make([]byte, max(0, size-len(x.good)))...)
}

// unsupported notes that the filesystem refuses an operation, which must be for the
// right reason.
func (x *fsx) unsupported(what string, err error) error {
	if errors.Is(err, unix.EOPNOTSUPP) {
		x.lacks[what] = true
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// reopen closes all and opens it again.
func (x *fsx) reopen() error {
	x.note("reopen")
	return errors.Join(x.close(), x.open())
}

// happen closes all, has the test do something, and opens it again.
func (x *fsx) happen(event string) error {
	x.note("%s", event)
	if err := x.close(); err != nil {
		return err
	}
	fmt.Println(event)
	if !x.in.Scan() {
		return errors.New("the test does not answer")
	}
	return x.open()
}
