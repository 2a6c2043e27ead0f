package volume

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"contentfs/fs/local"
)

// makeState makes the state directory where it is missing, and sees that nobody else
// reaches what lies in it: who can replace a database or a local file decides what
// is delivered and uploaded, with the rights of who runs contentfs.
func makeState(path string, log *slog.Logger) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make state directory: %w", err)
	}
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open state directory: %w", err)
	}
	if err := errors.Join(local.Private(d), d.Close()); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	var st unix.Stat_t
	above := filepath.Dir(real)
	if err := unix.Stat(above, &st); err != nil {
		return fmt.Errorf("stat %s: %w", above, err)
	}
	if st.Mode&0o022 != 0 && st.Mode&unix.S_ISVTX == 0 {
		log.Warn("others may write to the directory above the state, and so replace the state; try: chmod go-w",
			"directory", above, "mode", fmt.Sprintf("%04o", st.Mode&0o7777))
	}
	return nil
}
