package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"contentfs/backend"
)

// mayExist reports whether the object may be there after a write that ended with
// err: one without an answer may have arrived.
func mayExist(err error) bool {
	return err == nil || backend.ClassOf(err) == backend.Transient || backend.ClassOf(err) == backend.Canceled
}

func (x *examination) put(ctx context.Context, key string, body []byte) error {
	_, err := x.store.Put(ctx, key, bytes.NewReader(body), int64(len(body)), backend.PutOptions{
		SHA256: sha256.Sum256(body), IfAbsent: true, ContentType: "text/plain",
	})
	return err
}

// firstPut writes the object. A store that does not know what a mount asks for is
// asked what it can do, as a mount does, and written to without the rest.
func (x *examination) firstPut(ctx context.Context, key string, body []byte) error {
	err := x.put(ctx, key, body)
	prober, ok := x.store.(backend.Prober)
	if err == nil || !ok || backend.ClassOf(err) != backend.Invalid {
		return err
	}
	can, probeErr := prober.Probe(ctx, x.cfg.store.prefix)
	if probeErr != nil {
		return err
	}
	switch {
	case !can.ConditionalPut:
		x.lacks = "conditional writes"
	case !can.Checksums:
		x.lacks = "checksums"
	}
	return x.put(ctx, key, body)
}

// credentials judges by the first request that carries a body in its answer.
func (x *examination) credentials(put error) finding {
	var e *backend.Error
	switch {
	case put == nil:
		return finding{Outcome: passed, Detail: "accepted"}
	case !errors.As(put, &e) || e.Class != backend.Denied:
		return finding{Outcome: skipped, Detail: "the store did not get as far as judging them"}
	case e.Code == "AccessDenied" || e.Code == "Forbidden":
		return finding{Outcome: passed, Detail: "known to the store"}
	}
	return x.broken(put, exitConfig, storeRemedy(put))
}

func (x *examination) write(put error, key string) finding {
	switch {
	case put == nil && x.lacks == "checksums":
		return finding{Outcome: warned, Detail: key + "; the store does not verify checksums"}
	case put == nil:
		return finding{Outcome: passed, Detail: key}
	}
	return x.broken(put, storeCode(put), storeRemedy(put))
}

func (x *examination) read(ctx context.Context, key string, body []byte) finding {
	r, err := x.store.Get(ctx, key, 0, -1)
	var got []byte
	if err == nil {
		got, err = io.ReadAll(io.LimitReader(r, int64(len(body))+1))
		err = errors.Join(err, r.Close())
	}
	switch {
	case err != nil:
		return finding{Outcome: failed, Detail: err.Error(), Remedy: storeRemedy(err), code: storeCode(err)}
	case !bytes.Equal(got, body):
		return finding{Outcome: failed, Detail: "the object read back is not the one that was written", code: exitConfig,
			Remedy: "look for a cache or proxy between this server and the store"}
	}
	return finding{Outcome: passed, Detail: "the same bytes"}
}

// conditional sees whether the store itself keeps an object from being replaced.
func (x *examination) conditional(ctx context.Context, key string, body []byte) finding {
	if x.lacks == "conditional writes" {
		return finding{Outcome: warned, Detail: "the store does not know conditional writes; the mount looks before it writes"}
	}
	err := x.put(ctx, key, body)
	switch {
	case err == nil:
		return finding{Outcome: warned, Detail: "the store does not refuse to replace an object; the mount looks before it writes"}
	case backend.ClassOf(err) == backend.Exists:
		return finding{Outcome: passed, Detail: "the store refuses to replace an object"}
	}
	return finding{Outcome: failed, Detail: err.Error(), Remedy: storeRemedy(err), code: storeCode(err)}
}

// remove cleans up. It goes on after an interrupt, for a moment, so as to leave
// nothing behind.
func (x *examination) remove(ctx context.Context, key string) finding {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	err := x.store.Delete(ctx, key)
	switch {
	case err == nil:
		return finding{Outcome: passed, Detail: "nothing is left behind"}
	case backend.ClassOf(err) == backend.Denied:
		return finding{Outcome: warned, Detail: fmt.Sprintf("deleting is refused, and a mount does not need it; %s stays behind", key)}
	}
	return finding{Outcome: failed, Detail: fmt.Sprintf("%v; %s may stay behind", err, key), code: storeCode(err)}
}
