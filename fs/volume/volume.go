package volume

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"contentfs/backend/breaker"
	"contentfs/fs"
	"contentfs/fs/content"
	"contentfs/fs/crash"
	"contentfs/fs/local"
	"contentfs/fs/rebuild"
	"contentfs/fs/snapshot"
	"contentfs/fs/upload"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// Errors of Open and Run that an administrator can mend, besides ErrLocked.
var (
	ErrMountpoint   = fs.ErrMountpoint
	ErrNoFuse       = fs.ErrNoFuse
	ErrNoFusermount = fs.ErrNoFusermount
	// ErrListen: Options.HTTP is no address that can be listened on.
	ErrListen = errors.New("cannot listen for HTTP")
)

// Volume is one filesystem of this process.
type Volume struct {
	o       Options
	started time.Time

	lock     *os.File
	meta     *meta.Store
	local    *local.Store
	reserve  *local.Reserve
	fallback *content.Fallback
	stores   *stores
	breaker  *breaker.Breaker
	engine   *content.Engine
	uploader *upload.Uploader
	copies   *snapshot.Taker // nil: none are taken

	mount *fs.Server   // set by Run before anything can ask for it
	web   net.Listener // the same; nil without HTTP

	leaving atomic.Bool   // somebody who knows what is pending takes the mount away
	hurry   chan struct{} // closed when nobody wants to wait for S3 any more
	hurries sync.Once
	left    chan struct{} // closed when it was taken away
	leaves  sync.Once
}

// Open locks the state and opens what lies in it, making it where it is missing.
// Nothing runs yet, and S3 is not asked. Close or Run ends what Open began.
func Open(ctx context.Context, o Options) (_ *Volume, err error) {
	v := &Volume{o: o, started: time.Now(), hurry: make(chan struct{}), left: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	durability, ok := durabilities[o.Durability]
	if !ok {
		return nil, fmt.Errorf(`durability is %q; it can be "strict", "relaxed" or "s3"`, o.Durability)
	}
	if v.lock, err = Lock(o.State, o.Log); err != nil {
		return nil, err
	}
	crash.Here(crash.StartLocked)
	// Who rebuilds has the lock: what lies there is of one that did not get to its end.
	if err = (&rebuild.Rebuild{State: o.State}).Discard(); err != nil {
		return nil, err
	}
	if v.reserve, err = openReserve(o.State); err != nil {
		return nil, err
	}
	if err = v.awaitRoom(ctx, func() (err error) {
		v.meta, err = sqlite.Open(filepath.Join(o.State, "meta.db"),
			sqlite.Options{Migrate: true, Holds: o.holds, Pass: crash.Pass("database")})
		return err
	}); err != nil {
		return nil, err
	}
	if v.local, err = local.Open(filepath.Join(o.State, "local")); err != nil {
		return nil, err
	}
	crash.Here(crash.StartOpened)
	if err = v.openFallback(); err != nil {
		return nil, err
	}
	v.breaker = breaker.New(o.Log)
	if v.stores, err = openStores(ctx, o, v.breaker); err != nil {
		return nil, err
	}
	v.engine = content.New(content.Config{
		Meta: v.meta, Local: v.local, Log: o.Log,
		Objects: v.stores.bucket,
		Bucket:  o.Bucket, Prefix: o.Prefix,
		Durability: durability, ReadOnly: o.ReadOnly,
		CacheSize: o.CacheSize, Debounce: o.debounce(), Timeout: readTimeout,
		Owner: o.UID, Group: o.GID, Umask: o.Umask,
		Policy: o.Policy, OffloadOff: o.OffloadOff, Reserve: v.reserve,
		Fallback: v.fallback, SiteURL: o.SiteURL, CDNDomain: o.CDNDomain,
		Changed: v.changed, Invalidate: v.invalidate,
	})
	v.uploader = upload.New(v.engine, v.breaker, o.Log)
	v.engine.SetQueue(v.uploader)
	return v, v.openCopies()
}

// holds reports whether there are local files, which a database must have been about.
func (o *Options) holds() (bool, error) {
	list, err := os.ReadDir(filepath.Join(o.State, "local"))
	if errors.Is(err, iofs.ErrNotExist) {
		return false, nil
	}
	return len(list) > 0, err
}

// changed tells the kernel, once there is one to tell.
func (v *Volume) changed(ino meta.Ino) {
	if v.mount != nil {
		v.mount.Changed(ino)
	}
}

func (v *Volume) invalidate(ino meta.Ino) {
	if v.mount != nil {
		v.mount.Invalidate(ino)
	}
}

// Close closes what Open opened. It is not called after Run.
func (v *Volume) Close() error {
	var errs []error
	if v.local != nil {
		errs = append(errs, v.local.Close())
	}
	if v.fallback != nil {
		errs = append(errs, v.fallback.Close())
	}
	if v.meta != nil {
		errs = append(errs, v.meta.Close())
	}
	if v.reserve != nil {
		errs = append(errs, v.reserve.Close())
	}
	if v.lock != nil {
		errs = append(errs, v.lock.Close())
	}
	return errors.Join(errs...)
}
