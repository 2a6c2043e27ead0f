package content

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"contentfs/fs/local"
	"contentfs/meta"
)

// Differs tells, by size, time and identity, why a version's local file is not what is
// on record, "" if it is. keep: it may be content that is nowhere else. Of the bytes it
// says nothing.
func Differs(v *meta.Version, f *local.File, st local.Stamp) (why string, keep bool) {
	d := foreign(v, f, st)
	if d.why == "" && !v.Open && (st.Size != v.Size || st.Mtime != v.Mtime) {
		return "its local file was changed", true
	}
	return d.why, d.keep
}

// Examine opens a version's copy in the fallback and tells why it is not what is on
// record: by kind and size, and by time where no checksum is known. The file is nil
// where there is none to read; else the caller closes it. An error means that nobody
// can tell.
func (f *Fallback) Examine(v *meta.Version) (file *os.File, why string, err error) {
	file, err = f.open(v.Fallback)
	if gone(err) || blocked(err) {
		return nil, "its copy in the fallback is gone", nil
	}
	if errors.Is(err, errNotAFile) {
		return nil, "something else stands in the place of its copy in the fallback", nil
	}
	if err != nil {
		return nil, "", err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		file.Close()
		return nil, "", fmt.Errorf("stat in fallback: %w", err)
	}
	switch {
	case st.Size != v.Size:
		why = fmt.Sprintf("its copy in the fallback has %d bytes instead of %d", st.Size, v.Size)
	case v.SHA256 == nil && !isOurs(v.Fallback) && nanoseconds(st.Mtim) != v.Mtime:
		why = "its file in the fallback was changed after it was taken in"
	}
	return file, why, nil
}
