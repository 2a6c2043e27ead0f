package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// newNames returns a round that creates empty files by a number of threads.
func newNames(threads int) func(side) (float64, error) {
	return func(s side) (float64, error) {
		top, err := os.MkdirTemp(s.dir, "round")
		if err != nil {
			return 0, err
		}
		defer os.RemoveAll(top)
		for n := range threads {
			if err := os.Mkdir(filepath.Join(top, strconv.Itoa(n)), 0o755); err != nil {
				return 0, err
			}
		}
		var g errgroup.Group
		begin := time.Now()
		for n := range threads {
			g.Go(func() error { return newFiles(filepath.Join(top, strconv.Itoa(n)), someNames/threads, nil) })
		}
		err = g.Wait()
		return rate(someNames, begin), err
	}
}

// newFiles creates files with the same content in a directory.
func newFiles(dir string, count int, data []byte) error {
	for n := range count {
		if err := os.WriteFile(nameIn(dir, n), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func nameIn(dir string, n int) string {
	return filepath.Join(dir, fmt.Sprintf("tanning-bed-%05d.jpg", n))
}

func namesDir(s side) string { return filepath.Join(s.dir, "names") }

// prepareNames fills one directory.
func prepareNames(s side) error {
	if err := os.Mkdir(namesDir(s), 0o755); err != nil {
		return err
	}
	for n := range manyNames {
		if err := unix.Mknod(nameIn(namesDir(s), n), unix.S_IFREG|0o644, 0); err != nil {
			return err
		}
	}
	_, err := listAttributes(s)
	return err
}

// statNames returns stats per second.
func statNames(s side) (float64, error) {
	var st unix.Stat_t
	begin := time.Now()
	for n := range manyNames {
		if err := unix.Lstat(nameIn(namesDir(s), n), &st); err != nil {
			return 0, err
		}
	}
	return rate(manyNames, begin), nil
}

// listNames returns names per second.
func listNames(s side) (float64, error) {
	return list(s, func(int, []string) error { return nil })
}

// listAttributes asks for the attributes of the names as they come, like ls -l, and
// returns names per second.
func listAttributes(s side) (float64, error) {
	return list(s, func(dir int, names []string) error {
		var st unix.Stat_t
		for _, name := range names {
			if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				return err
			}
		}
		return nil
	})
}

// list reads the directory as the C library does, and gives each piece to use.
func list(s side, use func(dir int, names []string) error) (float64, error) {
	begin := time.Now()
	fd, err := unix.Open(namesDir(s), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 32<<10)
	total := 0
	for {
		n, err := unix.Getdents(fd, buf)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			break
		}
		_, count, names := unix.ParseDirent(buf[:n], -1, nil)
		if err := use(fd, names); err != nil {
			return 0, err
		}
		total += count
	}
	if total != manyNames {
		return 0, fmt.Errorf("%s has %d names, not %d", namesDir(s), total, manyNames)
	}
	return rate(total, begin), nil
}

// renameNames returns renames per second.
func renameNames(s side) (float64, error) {
	return withFiles(s, someNames, nil, func(dir string) error {
		for n := range someNames {
			if err := os.Rename(nameIn(dir, n), filepath.Join(dir, strconv.Itoa(n))); err != nil {
				return err
			}
		}
		return nil
	})
}

// renameDurably returns renames per second, each of which survives a power cut: a
// mount promises that.
func renameDurably(s side) (float64, error) {
	const count = 500
	return withFiles(s, count, nil, func(dir string) error {
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		defer d.Close()
		for n := range count {
			if err := os.Rename(nameIn(dir, n), filepath.Join(dir, strconv.Itoa(n))); err != nil {
				return err
			}
			if s.mount {
				continue
			}
			if err := d.Sync(); err != nil {
				return err
			}
		}
		return nil
	})
}

// unlinkNames returns unlinks per second.
func unlinkNames(s side) (float64, error) {
	return withFiles(s, someNames, []byte("content"), func(dir string) error {
		for n := range someNames {
			if err := unix.Unlink(nameIn(dir, n)); err != nil {
				return err
			}
		}
		return nil
	})
}

// withFiles returns the rate at which work goes through files that are new.
func withFiles(s side, count int, data []byte, work func(dir string) error) (float64, error) {
	dir, err := os.MkdirTemp(s.dir, "round")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := newFiles(dir, count, data); err != nil {
		return 0, err
	}
	begin := time.Now()
	err = work(dir)
	return rate(count, begin), err
}
