package main

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"time"

	"contentfs/backend"
	"contentfs/fs/control"
	"contentfs/fs/volume"
	"contentfs/meta"
)

// bucketWait bounds how long a mount waits for S3 when it is to create the bucket.
const bucketWait = 15 * time.Second

// releaseDead frees a mount point that a killed mount left behind: without it,
// a restart after a crash would need a hand.
func (p *program) releaseDead(point string, log *slog.Logger) error {
	list, err := p.mounts()
	if err != nil {
		return err
	}
	m, ok := mountAt(list, point)
	if !ok || m.point != point || !dead(point) {
		return nil
	}
	if err := p.release(point); err != nil {
		return configError("mount point "+point, "umount -l "+point, "its process is gone, and it cannot be released: %w", err)
	}
	log.Warn("released a mount point whose process was gone", "mountpoint", point, "volume", m.source)
	return nil
}

// ensureBucket creates the bucket when the store says that there is none. That
// the store does not answer is no reason not to mount.
func (p *program) ensureBucket(ctx context.Context, cfg *config, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, bucketWait)
	defer cancel()
	store, err := p.openStore(ctx, cfg.store)
	if err == nil {
		err = store.CheckBucket(ctx)
		if err == nil || !missingBucket(err) && backend.ClassOf(err) == backend.Denied {
			return nil // it is there, whether or not we may look at it
		}
		if missingBucket(err) {
			if err = store.CreateBucket(ctx); err == nil {
				log.Info("created the bucket", "bucket", cfg.store.bucket)
				return nil
			}
		}
		if backend.ClassOf(err) == backend.Transient {
			log.Warn("cannot create the bucket now; uploads wait", "bucket", cfg.store.bucket, "error", err)
			return nil
		}
	}
	return &failure{code: storeCode(err), what: "bucket " + cfg.store.bucket, err: err, try: storeRemedy(err)}
}

// mountFailure tells why a volume could not be mounted, and what to do.
func mountFailure(cfg *config, err error) error {
	f := &failure{code: exitConfig, what: "mount " + cfg.name, err: err}
	switch {
	case errors.As(err, new(*failure)):
		return err
	case errors.Is(err, volume.ErrLocked), errors.Is(err, control.ErrInUse):
		f.try = "contentfs status " + cfg.name
	case errors.Is(err, volume.ErrMountpoint):
		f.try = fmt.Sprintf("an empty folder: mkdir -p %s, or findmnt %[1]s to see what is mounted there", cfg.mountpoint)
	case errors.Is(err, volume.ErrNoFuse):
		f.try = "modprobe fuse; in a container, give it the device /dev/fuse and the capability SYS_ADMIN"
	case errors.Is(err, volume.ErrNoFusermount):
		f.try = "install the package fuse3, or mount as root"
	case errors.Is(err, volume.ErrFallbackMissing), errors.Is(err, volume.ErrFallbackOther):
		f.try = "--fallback DIR, or fallback = \"DIR\" in the configuration: the directory that it was"
	case errors.Is(err, volume.ErrFallbackPlace):
		f.try = "another --fallback, --state or mount point"
	case errors.Is(err, volume.ErrListen):
		f.try = fmt.Sprintf("another http = \"127.0.0.1:PORT\", or --http=; ss -ltnp shows who has %s", cfg.http)
	case meta.NotAsLeft(err):
		f.try = remedyNotAsLeft(cfg, err)
	case errors.Is(err, meta.ErrForeign), errors.Is(err, meta.ErrTooNew), errors.Is(err, meta.ErrTooOld):
		f.try = "the contentfs that wrote " + cfg.state + ", or another --state"
	case errors.Is(err, iofs.ErrPermission):
		f.try = fmt.Sprintf("ls -ld %s, and the user it belongs to, or chown -R it", cfg.state)
	case errors.Is(err, context.Canceled):
		f.code = exitInterrupted
	default:
		f.code = exitFailed
	}
	return f
}
