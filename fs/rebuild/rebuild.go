package rebuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/backend"
	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/fs/takeover"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// Source says where the rebuilding begins.
type Source string

const (
	// FromSnapshot begins with the newest copy of the metadata that is whole, and
	// with the listing where there is none.
	FromSnapshot Source = "snapshot"
	// FromListing begins with nothing but the listing.
	FromListing Source = "listing"
)

// Rebuild is what is to be rebuilt. All but Volume is required.
type Rebuild struct {
	State    string // the volume's state directory
	Objects  backend.Backend
	Bucket   string
	Prefixes []string // of keys, without slashes around them: the volume's, then those of rules, all below it
	From     Source
	Volume   string // the volume's id, where the bucket tells of several

	DirMode  uint32 // permission bits of directories that nothing tells of
	UID, GID uint32 // their owner

	Now func() time.Time
}

// ErrVolumes: there are copies of several volumes, and nobody said of which.
var ErrVolumes = errors.New("the bucket has copies of the metadata of several volumes below this prefix")

// ErrInvalidResult: what was made contradicts itself; it is of no use.
var ErrInvalidResult = errors.New("what was rebuilt contradicts itself")

// database is the path of the volume's database, fresh of the one that is made.
func (r *Rebuild) database() string { return filepath.Join(r.State, "meta.db") }
func (r *Rebuild) fresh() string    { return r.database() + ".new" }

// work is one Build.
type work struct {
	*Rebuild
	report Report
	meta   *meta.Store
	local  *local.Store

	objects   []object
	byKey     map[string]int // index in objects
	described []*takeover.Version

	known    meta.VersionID // last id of the copy, 0 without one
	knownIno meta.Ino
	maxIno   meta.Ino // that anything tells of
}

// Build makes the new database. What the report says is what Install will bring.
func (r *Rebuild) Build(ctx context.Context) (_ *Report, err error) {
	w := &work{Rebuild: r, report: Report{Findings: []Finding{}}}
	if err := errors.Join(sqlite.FinishReplacing(r.database()), r.Discard()); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Discard())
		}
	}()
	if err := w.list(ctx); err != nil {
		return nil, err
	}
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	if w.local, err = local.Open(filepath.Join(r.State, "local")); err != nil {
		return nil, errors.Join(err, w.meta.Close())
	}
	if err := w.run(ctx); err != nil {
		return nil, err
	}
	crash.Here(crash.RebuildBuilt)
	return &w.report, nil
}

// run fills the database while its writer runs, and closes it.
func (w *work) run(ctx context.Context) error {
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- w.meta.Run(writing) }()
	err := w.fill(ctx)
	stop()
	return errors.Join(err, <-done, w.meta.Close(), w.local.Close())
}

func (w *work) fill(ctx context.Context) error {
	for _, step := range []func(context.Context) error{w.counters, w.distrust, w.takeObjects, w.takeFiles, w.finish} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// counters remembers up to where the copy knows everything.
func (w *work) counters(context.Context) error {
	ino, version, err := w.meta.Counters()
	if err != nil {
		return err
	}
	w.maxIno = ino
	if w.report.Snapshot == nil {
		return nil
	}
	w.known, w.knownIno = version, ino
	return w.meta.UnknownLife()
}

// distrust takes from a copy what would give rights on this server to whoever may write
// to the bucket, once the fallback is left as a plain tree: a mount honours none of it.
// The objects themselves bring none (see restorable).
func (w *work) distrust(context.Context) error {
	if w.report.Snapshot == nil {
		return nil
	}
	p, err := w.meta.DropPrivileges(w.Now().UnixNano())
	if p.Files > 0 {
		w.report.find(w.report.Snapshot.Key, "%d files had set-user-id or set-group-id bits or capabilities in it, and have them no more; set them again where they are meant", p.Files)
	}
	if p.Devices > 0 {
		w.report.find(w.report.Snapshot.Key, "%d device files were in it, and lead to no device any more; make them again where they are meant", p.Devices)
	}
	return err
}

// finish makes the result a database that stands for itself.
func (w *work) finish(ctx context.Context) error {
	if err := w.meta.Advance(w.maxIno, 0); err != nil {
		return err
	}
	if err := w.meta.SetRebuilt(w.Now().UnixNano()); err != nil {
		return err
	}
	// Content that came there after the copy is known to nobody.
	if err := w.meta.ReadoptFallback(); err != nil {
		return err
	}
	found, err := w.meta.Check(ctx)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("%w: %s", ErrInvalidResult, found[0])
	}
	w.report.Volume = w.meta.VolumeID()
	w.report.Stats, err = w.meta.Stats()
	return err
}

// Install puts what Build made in the place of the volume's database, and returns
// where the old one is kept, "" if there was none.
func (r *Rebuild) Install() (kept string, err error) {
	if kept, err = sqlite.Replace(r.database(), r.fresh(), crash.Pass("database")); err != nil {
		return "", err
	}
	return kept, r.Discard()
}

// Discard removes what Build made, this one or one that a crash cut off. The caller
// holds the volume's lock. Only State is needed.
func (r *Rebuild) Discard() error {
	names, err := filepath.Glob(r.fresh() + "*") // a migration keeps a copy beside it
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what an earlier rebuild left: %w", err)
		}
	}
	return nil
}

// room returns how large a database may get.
func (r *Rebuild) room() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(r.State, &st); err != nil {
		return 0, fmt.Errorf("room in %s: %w", r.State, err)
	}
	return int64(st.Bavail) * st.Bsize / 2, nil
}
