package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrReplacing: a database that is to take this one's place lies ready. Who holds the
// volume's lock and opens with Migrate puts it there.
var ErrReplacing = errors.New("a rebuilt database lies ready and is not in place yet")

// replacement is what a database is called that lies ready to take another's place.
func replacement(path string) string { return path + ".rebuilt" }

// Replace puts the database at from, which is closed, in the place of the one at path,
// which may be missing or damaged and which nobody has open. What was there is kept
// beside it, its log and its mark too, under the name that is returned; "" if there was nothing. The
// caller holds the volume's lock. pass is told the steps, as Options.Pass is.
//
// From the moment at which the new database has its name (path.rebuilt) the
// replacement is decided: a crash before leaves the old one, and one after is followed
// up by the next Open with Migrate. The log of the old database never meets the new.
func Replace(path, from string, pass func(step string)) (kept string, err error) {
	if kept, err = replace(path, from, &Options{Pass: pass}); err != nil {
		return "", fmt.Errorf("replace metadata %s: %w", path, err)
	}
	return kept, nil
}

func replace(path, from string, o *Options) (string, error) {
	if path, err := filepath.Abs(path); err != nil || filepath.Dir(path) != filepath.Dir(from) {
		return "", errors.Join(err, fmt.Errorf("%s is not beside it", from))
	}
	if err := whole(from); err != nil {
		return "", err
	}
	if err := os.Rename(from, replacement(path)); err != nil {
		return "", err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return "", err
	}
	o.pass("replace-decided")
	return finishReplacing(path, o)
}

// whole makes sure that a database is one file, and puts it on stable storage.
func whole(path string) error {
	if fi, err := os.Lstat(path + "-wal"); err == nil && fi.Size() > 0 {
		return fmt.Errorf("%s is still in use: its log is not empty", path)
	}
	for _, name := range []string{path + "-wal", path + "-shm"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	// The mark tells of the database where it was made; in its place it gets another.
	if err := os.Remove(path + markSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// FinishReplacing carries out what a Replace that a crash cut off had decided. The
// caller holds the volume's lock, and nobody has the database open.
func FinishReplacing(path string) error {
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = finishReplacing(path, &Options{})
	}
	if err != nil {
		return fmt.Errorf("replace metadata %s: %w", path, err)
	}
	return nil
}

// finishReplacing carries out, or goes on with, what Replace decided. Where nothing
// was decided it does nothing.
func finishReplacing(path string, o *Options) (kept string, err error) {
	fi, err := os.Lstat(replacement(path))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	// By the time of the new database, so that each attempt means the same name.
	aside := path + ".before-rebuild-" + fi.ModTime().UTC().Format("20060102T150405.000000000Z")
	for _, tail := range []string{"-wal", "-shm", markSuffix, ""} {
		err := os.Rename(path+tail, aside+tail)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if err == nil {
			o.pass("replace-aside")
		}
		if err == nil && tail == "" {
			kept = aside
		}
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return "", err
	}
	o.pass("replace-cleared")
	if err := os.Rename(replacement(path), path); err != nil {
		return "", err
	}
	o.pass("replace-done")
	return kept, syncDir(filepath.Dir(path))
}

// replacing looks for what Replace decided: whoever may, carries it out.
func replacing(path string, may bool, o *Options) error {
	if may {
		_, err := finishReplacing(path, o)
		return err
	}
	if _, err := os.Lstat(replacement(path)); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, ErrReplacing)
	}
	return nil
}
