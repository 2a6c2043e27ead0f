package snapshot

import (
	"context"
	"log/slog"
	"time"

	"contentfs/backend"
	"contentfs/meta"
)

const (
	// Every is the usual time between two copies of a database that changes.
	Every = 15 * time.Minute

	// many changes do not wait for that long.
	many = 100_000

	// usual is the size of a copy up to which Every holds; a larger one is taken as
	// much more rarely as it is larger, until slowest times Every.
	usual   = 16 << 20
	slowest = 24

	// soon is the part of Every that passes before the first copy, before many
	// changes count, and between attempts that fail.
	soon = 15

	// looks is how often in that time the Taker looks whether something was changed.
	looks = 12

	// patience is how many failures in a row that may end by themselves are not worth
	// a warning: that S3 is away is said by others.
	patience = 3
)

// Config is what a Taker is made of. All of it is required.
type Config struct {
	Meta    *meta.Store
	Objects backend.Backend // of the bucket that new versions go to
	Prefix  string          // without slashes around it
	Dir     string          // the volume's state, which has the database in it
	Every   time.Duration   // between two copies
	Log     *slog.Logger

	// Wanted reports whether anything may go to S3 at all.
	Wanted func() (bool, error)
}

// Taker takes copies of a volume's metadata. Run and then Last are called by one
// goroutine after the other.
type Taker struct {
	Config
	record   Record
	begun    bool
	own      int64     // changes that are its own
	seen     int64     // changes that the newest copy, or an earlier life, accounts for
	next     time.Time // when a copy is due
	soonest  time.Time // when one is due after many changes
	ready    *prepared // a copy that is made and not in the bucket; nil if none
	failures int       // in a row
	warned   bool      // of these
}

// New returns a Taker. It starts nothing.
func New(c Config) *Taker { return &Taker{Config: c} }

// Run takes copies until ctx ends. It does not fail: what goes wrong is logged, and
// tried again.
func (t *Taker) Run(ctx context.Context) error {
	if err := t.begin(ctx, time.Now()); err != nil {
		t.Log.Error("no copies of the metadata are taken", "err", err)
		return nil
	}
	look := time.NewTicker(max(t.Every/soon/looks, time.Millisecond))
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-look.C:
			t.look(ctx, now)
		}
	}
}

// Last takes a copy if one is owed, and does not insist. It is called at the end, when
// Run has returned and the last change was made.
func (t *Taker) Last(ctx context.Context) {
	defer t.drop()
	if !t.begun || t.changes() == 0 {
		return
	}
	if wanted, err := t.Wanted(); err != nil || !wanted {
		return
	}
	if err := t.take(ctx, time.Now()); err != nil {
		t.Log.Info("no last copy of the metadata is in the bucket; the next mount takes it", "err", err)
	}
}

// begin takes up what the last life left.
func (t *Taker) begin(ctx context.Context, now time.Time) (err error) {
	t.clean()
	t.giveUpParts(ctx)
	if t.record, err = load(t.Meta); err != nil {
		t.Log.Warn("what is on record of the newest copy of the metadata is not understood", "err", err)
		t.record = Record{Owed: true}
	}
	ino, version, err := t.Meta.Counters()
	if err != nil {
		return err
	}
	if t.record.Key == "" && (ino > meta.Root || version > 0) || t.record.Key != "" && (ino != t.record.Ino || version != t.record.Version) {
		t.record.Owed = true
	}
	t.seen = t.Meta.Activity().Changes
	t.soonest = now.Add(t.Every / soon)
	t.next = t.soonest
	if due := t.record.Taken.Add(t.interval()); due.After(t.next) && due.Before(now.Add(slowest*t.Every)) {
		t.next = due
	}
	t.begun = true
	return nil
}

// interval is the time from a copy to the next.
func (t *Taker) interval() time.Duration {
	return min(t.Every*time.Duration(max(1, t.record.Bytes/usual)), slowest*t.Every)
}

// changes says how many there were since the newest copy; those of an earlier life
// count as one.
func (t *Taker) changes() int64 {
	n := t.Meta.Activity().Changes - t.seen
	if t.record.Owed {
		n = max(n, 1)
	}
	return n
}

// look takes a copy if one is due.
func (t *Taker) look(ctx context.Context, now time.Time) {
	n := t.changes()
	if n == 0 {
		return
	}
	if !t.record.Owed {
		t.record.Owed = true
		if err := t.store(&t.record); err != nil {
			t.fail(now, err)
			return
		}
	}
	if now.Before(t.next) && (n < many || now.Before(t.soonest)) {
		return
	}
	if wanted, err := t.Wanted(); err != nil || !wanted {
		return
	}
	err := t.take(ctx, now)
	switch {
	case err == nil:
		if t.warned {
			t.Log.Info("a copy of the metadata is in the bucket again", "failures", t.failures)
		}
		t.failures, t.warned = 0, false
		t.soonest, t.next = now.Add(t.Every/3), now.Add(t.interval())
	case ctx.Err() == nil:
		t.fail(now, err)
	}
}

// fail has the copy taken again, later each time.
func (t *Taker) fail(now time.Time, err error) {
	t.failures++
	if passing := backend.ClassOf(err) == backend.Transient; !t.warned && (!passing || t.failures >= patience) {
		t.warned = true
		t.Log.Warn("no copy of the metadata could be put in the bucket; it is tried again", "err", err)
	}
	t.next = now.Add(min(t.Every/soon*time.Duration(t.failures), t.Every))
	t.soonest = t.next
}
