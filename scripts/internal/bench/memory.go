package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// memory makes a hundred thousand files, walks them with a stat of each, and
// returns the resident memory of the process then.
func memory(b *bench, m measure) (result, error) {
	// What is measured is not the disk.
	v, err := b.mount(b.ctx, m.name, "relaxed")
	if err != nil {
		return result{}, err
	}
	defer v.destroy()
	const folders, files = 1000, 100
	if err := fill(b.ctx, v.point, folders, files); err != nil {
		return result{}, err
	}
	if err := walk(b.ctx, v.point, folders*files); err != nil {
		return result{}, err
	}
	now, err := processMemory(v.pid, "VmRSS")
	if err != nil {
		return result{}, err
	}
	peak, err := processMemory(v.pid, "VmHWM")
	if err != nil {
		return result{}, err
	}
	st, err := v.status(b.ctx)
	if err != nil {
		return result{}, err
	}
	return result{measure: m, mount: []float64{now},
		note: fmt.Sprintf("at its peak %.0f MiB; %d files were waiting", peak, st.Counts.Waiting.Count)}, nil
}

// fill makes folders with files of a few bytes.
func fill(ctx context.Context, top string, folders, files int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for d := range folders {
		g.Go(func() error {
			dir := filepath.Join(top, fmt.Sprintf("%032x", d), "image")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			for n := range files {
				if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(n)+".jpg"), []byte(dir), 0o644); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	return g.Wait()
}

// walk looks at every file, and sees that there are as many as there should be.
func walk(ctx context.Context, top string, want int) error {
	got := 0
	err := filepath.WalkDir(top, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if _, err := d.Info(); err != nil {
			return err
		}
		got++
		return ctx.Err()
	})
	if err == nil && got != want {
		err = fmt.Errorf("%d files were made, and the walk found %d", want, got)
	}
	return err
}

// processMemory returns a value of /proc/PID/status in MiB.
func processMemory(pid int, field string) (float64, error) {
	name := fmt.Sprintf("/proc/%d/status", pid)
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("%s has no %s", name, field)
}
