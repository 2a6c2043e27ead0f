package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"contentfs/backend"
	"contentfs/fs/audit"
	"contentfs/fs/control"
	"contentfs/meta"
)

// gcUploads are uploads in parts that nobody finished.
type gcUploads struct {
	Stale   int   `json:"stale"`
	Aborted int64 `json:"aborted"`
}

// gcOrphans are objects that no row knows.
type gcOrphans struct {
	Found   int64 `json:"found"`
	Ripe    int   `json:"ripe"`
	Bytes   int64 `json:"ripe_bytes"`
	Young   int64 `json:"young"`
	Foreign int64 `json:"foreign"`
	Removed int64 `json:"removed"`
	Left    int64 `json:"left"`

	refused error // what is ripe must not go without --force
}

// unrecorded is the part of a collection that asks the bucket.
type unrecorded struct {
	uploads *audit.Uploads
	orphans *audit.Orphans // nil: not asked for
	remove  bool
	r       *gcResult
}

// unrecorded prepares it for a volume.
func (s *session) unrecorded(work *audit.Collection, m *meta.Store, r *gcResult, orphans, remove bool) *unrecorded {
	spaces := []meta.KeySpace{}
	if s.config.store.bucket != "" {
		spaces = append(spaces, meta.KeySpace{Bucket: s.config.store.bucket, Prefix: s.config.store.prefix})
	}
	log := slog.New(slog.NewTextHandler(s.p.stderr, nil))
	u := &unrecorded{r: r, remove: remove,
		uploads: &audit.Uploads{Meta: m, Objects: work.Objects, Spaces: spaces, Log: log}}
	if orphans {
		u.orphans = &audit.Orphans{Meta: m, Objects: work.Objects, Spaces: spaces, Log: log, Force: work.Force}
	}
	return u
}

// run looks at what the bucket has and no row, and removes it if it is to.
func (u *unrecorded) run(ctx context.Context) error {
	if u.orphans == nil && !u.remove {
		return nil
	}
	found, err := u.uploads.Survey(ctx)
	if err == nil {
		u.r.Uploads = &gcUploads{Stale: len(found.Stale)}
		if u.remove {
			u.r.Uploads.Aborted, err = u.uploads.Abort(ctx, &found)
		}
	}
	// Not every store has uploads in parts, or can list them.
	if err != nil && backend.ClassOf(err) != backend.Invalid {
		return uploadsFailure(err)
	}
	if u.orphans == nil {
		return nil
	}
	return u.sweep(ctx)
}

func (u *unrecorded) sweep(ctx context.Context) error {
	f, err := u.orphans.Survey(ctx)
	u.r.Orphans = &gcOrphans{Found: f.Orphans, Ripe: len(f.Ripe), Bytes: f.Bytes, Young: f.Young, Foreign: f.Foreign}
	if err != nil && !u.remove && errors.Is(err, audit.ErrTooMany) {
		u.r.Orphans.refused = err
		return nil
	}
	if err != nil {
		return orphansFailure(err)
	}
	if !u.remove {
		return nil
	}
	done, err := u.orphans.Remove(ctx, &f)
	u.r.Orphans.Removed, u.r.Orphans.Left = done.Objects, done.Left
	for bucket, err := range done.Failed {
		u.r.done.Failed[bucket] = err
	}
	return err
}

func uploadsFailure(err error) error {
	what := "uploads that nobody finished"
	if backend.ClassOf(err) == backend.Denied {
		return &failure{code: storeCode(err), what: what, err: err,
			try: "allow s3:ListBucketMultipartUploads on the bucket, as contentfs iam-policy --with-gc has it"}
	}
	return storeTrouble(what, err)
}

func orphansFailure(err error) error {
	const what = "objects that no row knows"
	switch {
	case errors.Is(err, audit.ErrBehind):
		return &failure{code: exitDifferences, what: what, err: err,
			try: "contentfs rebuild, which brings back what the database does not know"}
	case errors.Is(err, audit.ErrRebuilt):
		return &failure{code: exitFailed, what: what, err: err, try: "again a week after that"}
	case errors.Is(err, audit.ErrTooMany):
		return &failure{code: exitFailed, what: what, err: err, try: "contentfs verify first, then --force, if that is what you mean"}
	case errors.Is(err, audit.ErrTooManyNew):
		return &failure{code: exitFailed, what: what, err: err, try: "contentfs rebuild: this looks like the wrong database for this bucket"}
	case errors.Is(err, audit.ErrNoTime):
		return &failure{code: exitFailed, what: what, err: err, try: "a store that sends a Date header"}
	}
	return storeTrouble(what, err)
}

// storeTrouble is a failure of the store, if it is one.
func storeTrouble(what string, err error) error {
	var e *backend.Error
	if !errors.As(err, &e) {
		return err
	}
	return &failure{code: storeCode(err), what: what, err: err, try: storeRemedy(err)}
}

// notAway refuses while the mount knows that the store is away: what it answers now and
// then is no ground to delete on.
func notAway(ctx context.Context, client *control.Client) error {
	st, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if !st.S3.Reachable && !st.S3.Since.IsZero() {
		return &failure{code: exitUnreachable, what: "the store", err: fmt.Errorf("the mount says that it is away: %s", st.S3.Error),
			try: "again when contentfs status says that it is back"}
	}
	return nil
}

func (r *gcResult) unrecordedTable(w io.Writer) {
	if u := r.Uploads; u != nil && u.Stale > 0 {
		row(w, "unfinished uploads", fmt.Sprint(u.Stale), "")
	}
	if o := r.Orphans; o != nil {
		row(w, "objects no row knows", fmt.Sprint(o.Found), "")
		row(w, "  seen twice, and old enough to go", fmt.Sprint(o.Ripe), formatSize(o.Bytes))
		row(w, "  seen lately", fmt.Sprint(o.Young), "")
		row(w, "objects of others", fmt.Sprint(o.Foreign), "")
	}
}

// unrecordedVerdict is what the verdict says of them, "" for nothing.
func (r *gcResult) unrecordedVerdict() string {
	text := ""
	if u := r.Uploads; u != nil && u.Stale > 0 {
		if r.Collected {
			text += fmt.Sprintf("; %s aborted", count(u.Aborted, "unfinished upload"))
		} else {
			text += fmt.Sprintf("; %s would be aborted", count(int64(u.Stale), "unfinished upload"))
		}
	}
	o := r.Orphans
	if o == nil {
		return text
	}
	if r.Collected {
		text += fmt.Sprintf("; of %s that no row knows %d removed", count(o.Found, "object"), o.Removed)
	} else {
		text += fmt.Sprintf("; of %s that no row knows %d would go", count(o.Found, "object"), o.Ripe)
	}
	if o.Young > 0 {
		text += fmt.Sprintf(", %d not before they were seen again a day later, two days old", o.Young)
	}
	if o.refused != nil {
		text += ", with --force: they are more than are likely"
	}
	return text
}
