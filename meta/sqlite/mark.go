package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/meta"
)

// mark is what is known about the last state of a database outside of it, in a small
// file beside it. It has two places for a mark, which are written in turn: a write that
// a power cut tore leaves the other.
type mark struct {
	Seq    int64  `json:"seq"`
	State  state  `json:"state"`
	Volume string `json:"volume,omitempty"` // "" while not known

	// Syncs is a number of durable transactions that the database has seen. It has seen
	// more perhaps, never fewer.
	Syncs int64 `json:"syncs"`

	// Suspect: damage was found, by who had the database open.
	Suspect bool `json:"suspect,omitempty"`

	// File is how an orderly end left the database.
	File stamp `json:"file,omitzero"`
}

type state string

const (
	made     state = "new"      // the database is being made: it may be missing, or empty
	starting state = "starting" // the log may not be there yet
	running  state = "running"  // the log is there, and may hold what the database does not
	ended    state = "ended"    // all is in the database
)

// stamp tells whether somebody wrote to a file.
type stamp struct {
	Size  int64 `json:"size"`
	Mtime int64 `json:"mtime"`
	Ctime int64 `json:"ctime"`
}

func stampOf(path string) (stamp, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return stamp{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return stamp{st.Size, st.Mtim.Nano(), st.Ctim.Nano()}, nil
}

const (
	markSuffix = "-mark"
	markPlace  = 4096 // bytes from one place to the other
	markLength = 512  // of a mark: a disk writes that whole or not at all
)

// encode gives a mark as one line: its checksum, and what it says.
func (m *mark) encode() ([]byte, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	line := fmt.Appendf(nil, "%08x %s", crc32.ChecksumIEEE(text), text)
	if len(line) >= markLength {
		return nil, fmt.Errorf("mark of %d bytes", len(line))
	}
	line = append(line, strings.Repeat(" ", markLength-1-len(line))...)
	return append(line, '\n'), nil
}

// decodeMark reports whether there is a whole mark.
func decodeMark(b []byte) (mark, bool) {
	var m mark
	sum, text, ok := strings.Cut(strings.TrimRight(string(b), " \n\x00"), " ")
	if !ok {
		return m, false
	}
	want, err := strconv.ParseUint(sum, 16, 32)
	if err != nil || uint32(want) != crc32.ChecksumIEEE([]byte(text)) {
		return m, false
	}
	return m, json.Unmarshal([]byte(text), &m) == nil
}

// readMark gives the later of the two marks. A file that has none is meta.ErrMark.
func readMark(f io.ReaderAt) (mark, error) {
	var last mark
	found, syncs := false, int64(0)
	for i := range int64(2) {
		b := make([]byte, markLength)
		if n, err := f.ReadAt(b, i*markPlace); err != nil && !(errors.Is(err, io.EOF) && n < markLength) {
			return last, fmt.Errorf("read the mark: %w", err)
		}
		m, ok := decodeMark(b)
		if !ok {
			continue
		}
		syncs = max(syncs, m.Syncs)
		if !found || m.Seq > last.Seq {
			last, found = m, true
		}
	}
	if !found {
		return last, meta.ErrMark
	}
	last.Syncs = syncs // of several processes, each writes what it knows
	return last, nil
}

// peekMark reads the mark beside a database, nil if there is none.
func peekMark(path string) (*mark, error) {
	f, err := os.OpenFile(path+markSuffix, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := readMark(f)
	return &m, err
}

// makeMark writes the first mark beside a database, whole or not at all. Another process
// may do so at the same time: one of them wins.
func makeMark(path string, m mark) error {
	b, err := m.encode()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+markSuffix+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteAt(b, 0)
	if err == nil {
		_, err = f.WriteAt(make([]byte, markLength), markPlace)
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path+markSuffix); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Remove(f.Name()); err != nil { // durably, too
		return err
	}
	return syncDir(filepath.Dir(path))
}

// markWait is how long another process may examine the database at its start.
const markWait = 2 * time.Minute

// lockMark shares the mark with all who have the database open. alone: there was nobody,
// and nobody comes before share is called.
func lockMark(f *os.File) (alone bool, err error) {
	deadline := time.Now().Add(markWait)
	for {
		for _, how := range []int{unix.LOCK_EX, unix.LOCK_SH} {
			err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
			if err == nil {
				return how == unix.LOCK_EX, nil
			}
			if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
				return false, fmt.Errorf("lock the mark: %w", err)
			}
		}
		if time.Now().After(deadline) {
			return false, fmt.Errorf("lock the mark: another process has been at the beginning or the end of its work for %v", markWait)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// share lets others in.
func share(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_SH)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
