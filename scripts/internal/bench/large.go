package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

const block = 1 << 20 // bytes of one read or write of the large file

func largeFile(s side) string { return filepath.Join(s.dir, "large.iso") }

// prepareLarge writes the large file and reads it once, so that it is in the
// kernel's cache.
func prepareLarge(s side) error {
	if _, err := writeLargeClosed(s); err != nil {
		return err
	}
	_, err := readLarge(s)
	return err
}

// readLarge returns MiB/s.
func readLarge(s side) (float64, error) {
	const passes = 4 // one is over too soon to be measured
	buf := make([]byte, block)
	begin := time.Now()
	for range passes {
		if err := readThrough(largeFile(s), buf); err != nil {
			return 0, err
		}
	}
	return rate(passes*large>>20, begin), nil
}

// readThrough opens, reads and closes the large file.
func readThrough(name string, buf []byte) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var total int64
	for {
		n, err := f.Read(buf)
		total += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if total != large {
		return fmt.Errorf("%s has %d bytes, not %d", name, total, large)
	}
	return nil
}

// readRandom returns reads per second.
func readRandom(s side) (float64, error) {
	const reads, size = 100_000, 4 << 10
	f, err := os.Open(largeFile(s))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	places := rand.New(rand.NewPCG(1, 2))
	buf := make([]byte, size)
	begin := time.Now()
	for range reads {
		if _, err := f.ReadAt(buf, places.Int64N(large/size)*size); err != nil {
			return 0, err
		}
	}
	return rate(reads, begin), nil
}

// writeLarge returns MiB/s up to the last write.
func writeLarge(s side) (float64, error) {
	written, _, err := writeLargeFile(s)
	return written, err
}

// writeLargeClosed returns MiB/s up to the end of close.
func writeLargeClosed(s side) (float64, error) {
	_, closed, err := writeLargeFile(s)
	return closed, err
}

func writeLargeFile(s side) (written, closed float64, err error) {
	if err := os.Remove(largeFile(s)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, 0, err
	}
	data := make([]byte, block)
	rand.NewChaCha8([32]byte{}).Read(data)
	begin := time.Now()
	f, err := os.OpenFile(largeFile(s), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, 0, err
	}
	for range large / block {
		if _, err := f.Write(data); err != nil {
			f.Close()
			return 0, 0, err
		}
	}
	written = rate(large>>20, begin)
	if err := s.finish(f); err != nil {
		return 0, 0, err
	}
	return written, rate(large>>20, begin), nil
}

// finish closes a new file so that content and name survive a power cut: on the
// mount that is what close means.
func (s side) finish(f *os.File) error {
	if s.mount {
		return f.Close()
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// rate returns n per second since begin.
func rate(n int, begin time.Time) float64 { return float64(n) / time.Since(begin).Seconds() }
