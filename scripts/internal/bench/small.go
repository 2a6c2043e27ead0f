package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

const smallFiles = 100 // that are read and asked for

func smallFile(s side, n int) string {
	return filepath.Join(s.dir, "small", strconv.Itoa(n)+".jpg")
}

// prepareSmall writes the small files and reads them once.
func prepareSmall(s side) error {
	if err := os.Mkdir(filepath.Join(s.dir, "small"), 0o755); err != nil {
		return err
	}
	data := smallData()
	for n := range smallFiles {
		if err := create(s, smallFile(s, n), data); err != nil {
			return err
		}
	}
	_, err := openSmall(s)
	return err
}

// openSmall returns files per second.
func openSmall(s side) (float64, error) {
	const passes = 50
	buf := make([]byte, small+1)
	begin := time.Now()
	for n := range passes * smallFiles {
		f, err := os.Open(smallFile(s, n%smallFiles))
		if err != nil {
			return 0, err
		}
		got, err := io.ReadFull(f, buf)
		f.Close()
		if err != io.ErrUnexpectedEOF || got != small {
			return 0, fmt.Errorf("%s: %d bytes read: %w", f.Name(), got, err)
		}
	}
	return rate(passes*smallFiles, begin), nil
}

// statSmall returns stats per second.
func statSmall(s side) (float64, error) {
	const stats = 100_000
	name := smallFile(s, 0)
	begin := time.Now()
	for range stats {
		if _, err := os.Lstat(name); err != nil {
			return 0, err
		}
	}
	return rate(stats, begin), nil
}

// createBy returns a round that creates files by a number of threads, each in a
// folder of its own, as pieces of content are.
func createBy(threads int) func(side) (float64, error) {
	const files = 240 // in all
	return func(s side) (float64, error) {
		top, err := os.MkdirTemp(s.dir, "round")
		if err != nil {
			return 0, err
		}
		for n := range threads {
			if err := os.Mkdir(filepath.Join(top, strconv.Itoa(n)), 0o755); err != nil {
				return 0, err
			}
		}
		data := smallData()
		var g errgroup.Group
		begin := time.Now()
		for n := range threads {
			g.Go(func() error {
				for k := range files / threads {
					if err := create(s, filepath.Join(top, strconv.Itoa(n), strconv.Itoa(k)+".jpg"), data); err != nil {
						return err
					}
				}
				return nil
			})
		}
		err = g.Wait()
		return rate(files, begin), err
	}
}

func create(s side, name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	return s.finish(f)
}

// smallData is what no file system can make smaller, the same in every run.
func smallData() []byte {
	data := make([]byte, small)
	rand.NewChaCha8([32]byte{}).Read(data)
	return data
}
