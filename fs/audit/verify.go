package audit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"contentfs/backend"
	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/meta"
)

// Verification compares the metadata of a volume with itself, and with what there is:
// on this server, in the fallback, in S3. The volume may be mounted and change
// meanwhile. Meta, Files and Log are required; it is used once.
type Verification struct {
	Meta     *meta.Store
	Files    *local.Store
	Fallback *content.Fallback                     // nil: it cannot be looked into
	Objects  func(string) (backend.Backend, error) // nil: S3 is not asked
	Checksum bool                                  // read everything, and compare checksums
	Sample   float64                               // of the versions, at random; 0: all
	Mounted  bool                                  // files may come and go
	Repair   bool                                  // Meta can be changed: cure what can be without risk
	Now      func() int64                          // nanoseconds since 1970; required to repair
	Progress func(done, all int64)                 // nil, or called by one goroutine at a time

	untimed bool // a local file's time does not count

	mu    sync.Mutex // guards what follows
	r     Verified
	done  int64
	all   int64
	fails map[string]int // buckets, and how often in a row they failed
}

// Verified is what a Verification found.
type Verified struct {
	Versions int64 // compared
	Files    int64 // local files compared
	Copies   int64 // in the fallback
	Objects  int64
	Cured    int64

	Findings []Finding
	Unseen   []Unseen // could not be looked at: nothing is known of them
	Skipped  int64    // versions of which a part was not looked at, for what Unseen says
}

// Place says where something differs.
type Place string

// Places.
const (
	InMetadata Place = "metadata"
	InLocal    Place = "local"
	InFallback Place = "fallback"
	InS3       Place = "s3"
	Nowhere    Place = "nowhere" // content that is lost
)

// Finding is a difference.
type Finding struct {
	Place   Place
	Path    string // inside the volume, "" where there is none
	Version meta.VersionID
	Thing   string // the local file, the path in the fallback, or bucket/key
	Why     string

	Cure  string // what was done, or what --repair would do; "" where nothing can be
	Cured bool
}

// Unseen is what could not be looked at.
type Unseen struct {
	Place Place
	Path  string
	Thing string
	Err   error
}

const (
	verifying = 16 // versions at a time
	// storeFails is how often in a row a bucket may fail before it is asked no more.
	storeFails = 20
)

// Run compares. An error means that the metadata or the list of local files could not
// be read; what was found until then is returned with it. It stops when ctx ends.
func (x *Verification) Run(ctx context.Context) (Verified, error) {
	x.fails = make(map[string]int)
	st, err := x.Meta.Stats()
	if err != nil {
		return x.r, fmt.Errorf("verify: %w", err)
	}
	for _, c := range []meta.Count{st.OnlyLocal, st.LocalAndS3, st.OnlyS3, st.Fallback, st.Nowhere, st.Retired} {
		x.all += c.Number
	}
	broken, err := x.Meta.Check(ctx)
	if err != nil {
		return x.r, fmt.Errorf("verify metadata: %w", err)
	}
	for _, why := range broken {
		x.r.Findings = append(x.r.Findings, Finding{Place: InMetadata, Why: why})
	}
	if err := x.unknown(); err != nil {
		return x.r, fmt.Errorf("verify local files: %w", err)
	}
	if err := x.versions(ctx); err != nil {
		return x.r, fmt.Errorf("verify: %w", err)
	}
	slices.SortStableFunc(x.r.Findings, func(a, b Finding) int { return strings.Compare(a.Path, b.Path) })
	return x.r, ctx.Err()
}

// versions compares all, or a sample.
func (x *Verification) versions(ctx context.Context) error {
	const some = 512
	for after := meta.VersionID(0); ctx.Err() == nil; {
		list, err := x.Meta.AllVersions(after, some)
		if err != nil {
			return err
		}
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(verifying)
		for i := range list {
			v := &list[i]
			after = v.ID
			if x.Sample > 0 && rand.Float64() >= x.Sample {
				x.step(false)
				continue
			}
			g.Go(func() error {
				err := x.version(gctx, v)
				x.step(err == nil)
				return err
			})
		}
		if err := g.Wait(); err != nil && ctx.Err() == nil {
			return err
		}
		if len(list) < some {
			return nil
		}
	}
	return nil
}

func (x *Verification) step(compared bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.done++
	if compared {
		x.r.Versions++
	}
	if x.Progress != nil {
		x.Progress(x.done, max(x.done, x.all))
	}
}

// version compares one version with all its places. What changed while that went on is
// compared again.
func (x *Verification) version(ctx context.Context, v *meta.Version) error {
	const tries = 4
	for range tries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s := x.look(ctx, v)
		if len(s.findings) == 0 {
			x.keep(&s)
			return nil
		}
		now, err := x.Meta.Version(v.ID)
		if errors.Is(err, meta.ErrNotExist) {
			return nil // replaced, or deleted for good
		}
		if err != nil {
			return err
		}
		if !sameRecord(v, &now) {
			*v = now
			continue
		}
		path := v.Path
		if v.Retired == 0 {
			path, _ = x.Meta.Path(v.Ino)
		}
		for i := range s.findings {
			s.findings[i].Path, s.findings[i].Version = string(path), v.ID
		}
		if err := x.cure(ctx, v, &s); err != nil {
			return err
		}
		x.keep(&s)
		return nil
	}
	return nil // it changes all the time: who changes it looks at it
}

func sameRecord(a, b *meta.Version) bool {
	return a.File == b.File && a.Open == b.Open && a.Mtime == b.Mtime && a.Size == b.Size && a.Remote == b.Remote &&
		a.Key == b.Key && a.Bucket == b.Bucket && string(a.Fallback) == string(b.Fallback) && string(a.SHA256) == string(b.SHA256) &&
		a.Retired == b.Retired
}

func (x *Verification) keep(s *seen) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.r.Files += s.files
	x.r.Copies += s.copies
	x.r.Objects += s.objects
	x.r.Findings = append(x.r.Findings, s.findings...)
	for _, f := range s.findings {
		if f.Cured {
			x.r.Cured++
		}
	}
	if len(s.unseen) > 0 || s.skipped {
		x.r.Skipped++
	}
	const remembered = 100
	x.r.Unseen = append(x.r.Unseen, s.unseen[:min(len(s.unseen), max(0, remembered-len(x.r.Unseen)))]...)
}

// Report is what Verify found.
type Report struct {
	Files    int // local files compared
	Objects  int // objects compared
	Findings []string
}

// Verify is a Verification for tests: of a volume that does not change meanwhile, whole
// and without reading local files. An error means that it could not look everywhere.
func Verify(ctx context.Context, m *meta.Store, files *local.Store, objects func(bucket string) (backend.Backend, error)) (Report, error) {
	x := &Verification{Meta: m, Files: files, Objects: objects, untimed: true}
	v, err := x.Run(ctx)
	r := Report{Files: int(v.Files), Objects: int(v.Objects)}
	for _, f := range v.Findings {
		if f.Place != Nowhere { // a test that loses content knows of it
			r.Findings = append(r.Findings, strings.TrimSpace(fmt.Sprintf("%s %s %s: %s", f.Place, f.Path, f.Thing, f.Why)))
		}
	}
	for _, u := range v.Unseen {
		if u.Place != InFallback {
			err = errors.Join(err, u.Err)
		}
	}
	return r, err
}
