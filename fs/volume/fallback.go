package volume

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"path/filepath"
	"strings"

	"contentfs/fs/content"
)

// Errors of Open about the fallback.
var (
	// ErrFallbackPlace: fallback, mount point and state lie in each other.
	ErrFallbackPlace = errors.New("fallback, mount point and state must not lie in each other")
	// ErrFallbackMissing: there is no such directory, or none is given, and it is
	// needed.
	ErrFallbackMissing = errors.New("the fallback is missing")
	// ErrFallbackOther: the directory is not the one that was used before.
	ErrFallbackOther = errors.New("the fallback is another directory than before")
)

// confirms begins the name of what an administrator puts into a fallback to say that
// it is this volume's.
const confirms = ".contentfs-fallback-"

// openFallback opens the fallback, if the volume has one, and makes sure that it is
// the one it always had: from another, names would lead to other content.
func (v *Volume) openFallback() error {
	dir := v.o.Fallback
	if dir == "" {
		return v.withoutFallback()
	}
	if err := v.checkPlaces(); err != nil {
		return err
	}
	var err error
	if v.fallback, err = content.OpenFallback(dir); err != nil {
		if errors.Is(err, iofs.ErrNotExist) {
			return fmt.Errorf("%w: there is no %s; mount the disk it is on, or correct the setting: %w", ErrFallbackMissing, dir, err)
		}
		return err
	}
	known, err := v.meta.AdoptedFallback()
	if err != nil || known == "" {
		return err
	}
	id, err := v.fallback.ID()
	if err != nil || id == known {
		return err
	}
	name := confirms + v.meta.VolumeID()
	confirmed, err := v.fallback.Holds(name)
	if err == nil && !confirmed {
		err = fmt.Errorf("%w: %s is directory %s (device:inode), and was %s; if its disk is not mounted, mount it; "+
			"if it holds the same files and only moved, create an empty file %s to say so",
			ErrFallbackOther, dir, id, known, filepath.Join(dir, name))
	}
	return err
}

// withoutFallback refuses to go without the fallback while something is nowhere else.
func (v *Volume) withoutFallback() error {
	needed, err := v.meta.NeedsFallback()
	if err == nil && needed {
		err = fmt.Errorf("%w: names or content of this volume are nowhere else; set fallback to the directory it was", ErrFallbackMissing)
	}
	return err
}

func (v *Volume) checkPlaces() error {
	fallback := resolved(v.o.Fallback)
	for _, bad := range []struct{ what, inner, outer string }{
		{"the mount point %s is inside the fallback %s", resolved(v.o.Mountpoint), fallback},
		{"the state directory %s is inside the fallback %s", resolved(v.o.State), fallback},
		{"the fallback %s is inside the mount point %s", fallback, resolved(v.o.Mountpoint)},
	} {
		if bad.inner == bad.outer || strings.HasPrefix(bad.inner, strings.TrimSuffix(bad.outer, "/")+"/") {
			return fmt.Errorf("%w: "+bad.what, ErrFallbackPlace, bad.inner, bad.outer)
		}
	}
	return nil
}

// resolved gives a path without links, as far as that can be found out without asking
// what is there itself: a mount point may be one that nobody serves any more.
func resolved(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if full, err := filepath.EvalSymlinks(path); err == nil {
		return full
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolved(parent), filepath.Base(path))
}
