package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// million makes a million files, a fifth of them in one directory, and returns the
// resident memory of a process that served a walk over them and nothing else. The
// walk asks for names and attributes as fast as the kernel can take them.
func million(b *bench, m measure) (result, error) {
	v, err := b.mount(b.ctx, m.name, "relaxed")
	if err != nil {
		return result{}, err
	}
	defer v.destroy()
	const folders, perFolder, flat = 800, 1000, 200_000
	g, ctx := errgroup.WithContext(b.ctx)
	g.SetLimit(8)
	for d := range folders {
		g.Go(func() error { return newNodes(ctx, filepath.Join(v.point, fmt.Sprintf("%032x", d)), perFolder) })
	}
	g.Go(func() error { return newNodes(ctx, filepath.Join(v.point, "flat"), flat) })
	if err := g.Wait(); err != nil {
		return result{}, err
	}
	if err := chill(b.ctx, v); err != nil {
		return result{}, err
	}
	if err := walk(b.ctx, v.point, folders*perFolder+flat); err != nil {
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
	scale, err := scaling(filepath.Join(v.point, "flat"), filepath.Join(v.point, "few"))
	if err != nil {
		return result{}, err
	}
	return result{measure: m, mount: []float64{now}, note: fmt.Sprintf("at its peak %.0f MiB; %s", peak, scale)}, nil
}

// scaling tells how much longer the operations take in a directory of many names than
// in one of ten, which it makes. It is the median of interleaved rounds.
func scaling(many, few string) (string, error) {
	if err := newNodes(context.Background(), few, 10); err != nil {
		return "", err
	}
	var text []string
	for _, op := range []struct {
		name string
		do   func(dir string, n int) error
	}{
		{"lookup", func(dir string, n int) error { // of what is not there: nobody keeps it
			_, err := os.Lstat(filepath.Join(dir, fmt.Sprintf("absent-%d", n)))
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			return fmt.Errorf("absent: %w", err)
		}},
		{"create", func(dir string, n int) error {
			return unix.Mknod(filepath.Join(dir, fmt.Sprintf("made-%d", n)), unix.S_IFREG|0o644, 0)
		}},
		{"rename", func(dir string, n int) error {
			return os.Rename(filepath.Join(dir, fmt.Sprintf("made-%d", n)), filepath.Join(dir, fmt.Sprintf("moved-%d", n)))
		}},
		{"unlink", func(dir string, n int) error { return os.Remove(filepath.Join(dir, fmt.Sprintf("moved-%d", n))) }},
	} {
		const rounds, each = 20, 25
		var ratios []float64
		for r := range rounds {
			var took [2]time.Duration
			for i, dir := range []string{few, many} {
				begin := time.Now()
				for n := range each {
					if err := op.do(dir, r*each+n); err != nil {
						return "", err
					}
				}
				took[i] = time.Since(begin)
			}
			ratios = append(ratios, took[1].Seconds()/took[0].Seconds())
		}
		text = append(text, fmt.Sprintf("%s %.2f", op.name, median(ratios)))
	}
	return "time among 200,000 names / among 10: " + strings.Join(text, ", "), nil
}

// newNodes makes a directory with empty files.
func newNodes(ctx context.Context, dir string, count int) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for n := range count {
		if err := unix.Mknod(nameIn(dir, n), unix.S_IFREG|0o644, 0); err != nil {
			return fmt.Errorf("%s: %w", nameIn(dir, n), err)
		}
		if n%1000 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}
