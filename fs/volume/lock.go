package volume

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrLocked: another process uses the state.
var ErrLocked = errors.New("the state is in use")

// Lock makes sure that nobody else uses a volume's state, for who works on it without
// a Volume; the state directory is made where it is missing. ErrLocked. Closing the
// file ends it.
func Lock(state string, log *slog.Logger) (*os.File, error) {
	if err := makeState(state, log); err != nil {
		return nil, err
	}
	return lock(state)
}

// lock makes sure that nobody else uses the state. The lock ends with the
// process, however that ends; the file stays and tells who had it last.
func lock(state string) (*os.File, error) {
	path := filepath.Join(state, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock state: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		who := "another process"
		if b, rerr := io.ReadAll(io.LimitReader(f, 32)); rerr == nil && len(b) > 0 {
			who = "process " + string(bytes.TrimSpace(b))
		}
		f.Close()
		return nil, fmt.Errorf("%w: %s has %s mounted", ErrLocked, who, state)
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil && !errors.Is(err, unix.ENOSPC) {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}
