package content

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"contentfs/backend"
	"contentfs/fs/local"
	"contentfs/fs/policy"
	"contentfs/meta"
)

// Durability says what close and fsync wait for.
type Durability int

const (
	// Strict: bytes and name are on this server's disk.
	Strict Durability = iota
	// Relaxed: no disk sync; survives the end of the process, not a power cut.
	Relaxed
	// Remote: as Strict, and the object is in S3.
	Remote
)

// Queue is what the engine asks of the upload queue.
type Queue interface {
	// Wake tells that something new may be due.
	Wake()
	// Deliver returns when the version, or one that replaced it, is in S3.
	Deliver(ctx context.Context, id meta.VersionID) error
}

// Config is what an Engine is made of. All fields but Policy, Reserve, Fallback, Owner,
// Group, SiteURL, CDNDomain, Changed and Invalidate are required.
type Config struct {
	Meta  *meta.Store
	Local *local.Store
	Log   *slog.Logger

	// Objects returns the backend that holds a bucket. It makes no request.
	Objects func(bucket string) (backend.Backend, error)

	Bucket string // where new versions go
	Prefix string // in front of every new key, without slashes at its ends

	Durability Durability
	ReadOnly   bool
	CacheSize  int64         // bound of the local bytes that exist elsewhere too
	Debounce   time.Duration // from a commit to its upload
	Timeout    time.Duration // of a read from S3 without progress

	Owner *uint32 // of new nodes, instead of the caller
	Group *uint32
	Umask uint32 // taken from the mode of new nodes, besides the caller's own

	Policy     *policy.Policy // nil: everything goes to S3 that has no temporary name
	OffloadOff bool           // what a volume begins with; then its own setting counts

	Reserve *local.Reserve // of the state's disk; nil: none

	Fallback  *Fallback
	SiteURL   string // of the volume's root, for content that is not in S3
	CDNDomain string // instead of the bucket's own address

	// Changed is called when a node's size or times changed behind the kernel's
	// back. It must not call the Engine.
	Changed func(meta.Ino)

	// Invalidate is called when bytes of a node that were delivered turned out to
	// be wrong, so that nobody keeps them. It must not call the Engine.
	Invalidate func(meta.Ino)
}

// Engine is a volume's engine. Its methods may be called from many goroutines.
type Engine struct {
	Config
	live  table
	queue Queue

	placing sync.Mutex // guards paths of the fallback between being stray and a version's; may wait for disk

	space       spaceMeter
	orphans     orphans
	alterations alterations
	adoption    adoption
	chores      chores
	trust       trust

	overflowDue atomic.Bool   // the overflow is to be looked through
	pressure    chan struct{} // capacity 1: the evictor has work
	sweep       chan struct{} // capacity 1: the sweeper has work
	renamedDirs chan struct{} // capacity 1: the follower has work
}

// New returns an engine that is ready for Recover. It starts nothing.
func New(c Config) *Engine {
	if c.Changed == nil {
		c.Changed = func(meta.Ino) {}
	}
	if c.Invalidate == nil {
		c.Invalidate = func(meta.Ino) {}
	}
	if c.Policy == nil {
		c.Policy, _ = policy.New(nil) // cannot fail: there is no rule to be wrong
	}
	e := &Engine{
		Config:      c,
		pressure:    make(chan struct{}, 1),
		sweep:       make(chan struct{}, 1),
		renamedDirs: make(chan struct{}, 1),
	}
	e.live.nodes = make(map[meta.Ino]*live)
	e.orphans.seen = make(map[meta.Ino]time.Time)
	e.alterations.known = now()
	e.overflowDue.Store(true)
	if c.Reserve != nil {
		c.Meta.Relieve(e.relieve)
	}
	return e
}

// SetQueue connects the upload queue. It is called once, before the first request.
func (e *Engine) SetQueue(q Queue) { e.queue = q }

// ErrReadOnly: the volume is mounted read-only.
var ErrReadOnly = errors.New("volume is read-only")

// ErrLost: the bytes should be on this server and are not, or are not the same.
var ErrLost = errors.New("content is lost or damaged on this server")

// ErrUndelivered: with durability "s3", the content is safe on this server and
// queued, but not in S3.
var ErrUndelivered = errors.New("content is not in S3")

// ErrPoisoned: an earlier sync of this content failed.
var ErrPoisoned = errors.New("an earlier sync of this content failed")

// ErrBadHandle: the handle does not allow the operation.
var ErrBadHandle = errors.New("handle is not open for this")

// ErrFull: the disk has no room that content may take.
var ErrFull = errors.New("no space left on the volume's disk")

// ErrCrowded: the process has no descriptors left that open files may take.
var ErrCrowded = local.ErrCrowded

func now() int64 { return time.Now().UnixNano() }

// signal wakes the one goroutine that waits on c.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
