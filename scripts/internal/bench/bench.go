package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// bench is one run.
type bench struct {
	ctx    context.Context
	dir    string // on the disk to measure on
	s3     string // where the S3 server keeps its objects
	gate   *gate  // between the mounts and the S3 server
	rounds int
	volumes
}

// side is where a round works: in a plain folder, or in a mount.
type side struct {
	ctx   context.Context
	dir   string
	mount bool
}

// name returns "plain" or "mount".
func (s side) name() string {
	if s.mount {
		return "mount"
	}
	return "plain"
}

// enoughSpace refuses a disk that would run full: large files are kept here, in
// the plain folder and by the S3 server.
func (b *bench) enoughSpace() error {
	const need = 24 << 30
	var st unix.Statfs_t
	if err := unix.Statfs(b.dir, &st); err != nil {
		return fmt.Errorf("space on %s: %w", b.dir, err)
	}
	if free := int64(st.Bavail) * st.Bsize; free < need {
		return fmt.Errorf("%s has %d GiB free, and %d GiB are needed; set TMPDIR to a folder on another disk", b.dir, free>>30, need>>30)
	}
	return nil
}

// writeOut brings all files in the folders to the disk and out of memory. Without
// it a round would pay for what the round before, or the S3 server, had left to
// write; and where the machine is a virtual one, memory that was free before costs
// ten times less to fill than memory that never was in use, so that the side that
// had just removed a file would win.
func writeOut(folders ...string) error {
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := f.Sync(); err != nil {
				return err
			}
			return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		})
		if err != nil {
			return fmt.Errorf("write out %s: %w", folder, err)
		}
	}
	return nil
}

// compare runs a measure on both sides, in turns.
func compare(b *bench, m measure) (result, error) {
	v, err := b.mount(b.ctx, m.name, m.durability)
	if err != nil {
		return result{}, err
	}
	defer v.destroy()
	if m.family == names {
		b.gate.shut()
		defer b.gate.open()
	}
	plain := filepath.Join(b.dir, m.name+"-plain")
	if err := os.Mkdir(plain, 0o755); err != nil {
		return result{}, err
	}
	defer os.RemoveAll(plain)

	sides := []side{{b.ctx, plain, false}, {b.ctx, v.point, true}}
	if m.prepare != nil {
		for _, s := range sides {
			if err := m.prepare(s); err != nil {
				return result{}, fmt.Errorf("prepare %s: %w", s.name(), err)
			}
		}
	}
	r := result{measure: m}
	for n := range m.roundsOf(b) + 1 {
		// Who goes first meets a quieter machine, so it is not always the same.
		if n > 0 {
			sides[0], sides[1] = sides[1], sides[0]
		}
		var figure [2]float64
		for _, s := range sides {
			if err := m.ready(b, v, plain); err != nil {
				return result{}, err
			}
			f, err := m.round(s)
			if err != nil {
				return result{}, fmt.Errorf("round %d, %s: %w", n, s.name(), err)
			}
			if s.mount {
				figure[1] = f
			} else {
				figure[0] = f
			}
		}
		if n == 0 {
			continue // it warms up
		}
		r.add(figure[0], figure[1])
	}
	return r, nil
}

// ready brings everything into the state in which a round begins.
func (m *measure) ready(b *bench, v *mounted, plain string) error {
	switch {
	case m.cold:
		return chill(b.ctx, v)
	case m.family == names:
		return nil // nothing is under way: the S3 server is out of reach
	}
	if err := v.drained(b.ctx); err != nil || !m.writes {
		return err
	}
	return writeOut(plain, v.localFiles(), b.s3)
}
