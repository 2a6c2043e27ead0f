package content_test

import (
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"contentfs/fs/content"
	"contentfs/fs/internal/model"
)

// TestModel compares the engine with the reference of package model: with and
// without reads and writes that go past it, and with every kind of durability.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	if d, err := os.MkdirTemp("/dev/shm", "contentfs-model"); err == nil {
		dir = d // no test of the disk: the more operations the better
		t.Cleanup(func() { os.RemoveAll(d) })
	}
	for name, durability := range map[string]content.Durability{
		"strict": content.Strict, "relaxed": content.Relaxed, "remote": content.Remote,
	} {
		for way, past := range map[string]bool{"passthrough": true, "cached": false} {
			t.Run(name+" "+way, func(t *testing.T) {
				model.Run(t, model.Config{Ops: model.Budget(3000), Steps: 300, Every: 60,
					Start: func(rt *rapid.T) (model.System, model.Traits) {
						return start(rt, model.EngineOptions{Dir: dir, Passthrough: past, Durability: durability})
					}})
			})
		}
	}
}

// starter is a test, or a sequence of one.
type starter interface {
	Fatal(args ...any)
	Error(args ...any)
	Cleanup(func())
}

func start(t starter, o model.EngineOptions) (model.System, model.Traits) {
	e, err := model.StartEngine(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Shut(); err != nil {
			t.Error(err)
		}
	})
	return e, model.Traits{
		Falloc: []int{
			unix.FALLOC_FL_KEEP_SIZE,
			unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE, // tmpfs knows no more
		},
		Deliver: o.Durability == content.Remote,
	}
}

// Steps of the sequences below.
func opens(path string, flags int) model.Op {
	return model.Op{Kind: model.Open, Path: path, Flags: flags, Mode: 0o644}
}

func on(k model.Kind, path string) model.Op { return model.Op{Kind: k, Path: path} }

var (
	closes = model.Op{Kind: model.Close}
	writes = model.Op{Kind: model.Pwrite, Data: []byte("content")}
	syncs  = model.Op{Kind: model.Fsync}
	future = model.Op{
		Kind: model.Utimens, Path: "f",
		Atime: syscall.Timespec{Nsec: unix.UTIME_OMIT}, Mtime: syscall.Timespec{Sec: 5_000_000_000},
	}
)

// found are sequences that went wrong once.
var found = map[string][]model.Step{
	"opened for writing and not written to": {
		opens("f", unix.O_CREAT|unix.O_RDWR), writes, closes, on(model.Stat, "f"), model.Upload, model.Evict,
		opens("f", unix.O_RDWR), closes, model.Crash, on(model.Stat, "f"), model.Upload,
	},
	"empty, opened for writing and not written to": {
		opens("f", unix.O_CREAT|unix.O_RDWR), closes, on(model.Stat, "f"), model.Upload, model.Evict,
		opens("f", unix.O_RDWR), closes, model.Evict, on(model.Stat, "f"),
	},
	"empty, opened while the store is away": {
		opens("f", unix.O_CREAT|unix.O_RDWR), closes, model.Upload, model.Evict, model.OutageBegin, on(model.Cat, "f"),
	},
	"made by mknod, open at a crash": {
		model.Op{Kind: model.Mknod, Path: "f", Mode: unix.S_IFREG | 0o644}, on(model.Stat, "f"),
		opens("f", unix.O_RDONLY), model.Crash, on(model.Stat, "f"),
		opens("f", unix.O_RDWR), writes, model.Crash, on(model.Stat, "f"),
	},
	"made by mknod, opened and closed": {
		model.Op{Kind: model.Mknod, Path: "f", Mode: unix.S_IFREG | 0o644}, on(model.Stat, "f"),
		opens("f", unix.O_RDWR), closes, on(model.Stat, "f"),
	},
	"made by mknod, given times while it is read": {
		model.Op{Kind: model.Mknod, Path: "f", Mode: unix.S_IFREG | 0o644},
		opens("f", unix.O_RDONLY), future,
		model.Op{Kind: model.Open, FD: 1, Path: "f", Flags: unix.O_RDWR}, model.Op{Kind: model.Fstat, FD: 1},
	},
	"given a size and not closed": {
		opens("f", unix.O_CREAT|unix.O_RDWR), model.Op{Kind: model.Ftruncate, Off: 10_000}, model.Crash,
	},
	"swapped while it is written to": {
		on(model.Mkdir, "d"), opens("f", unix.O_CREAT|unix.O_RDWR), writes,
		model.Op{Kind: model.Rename, Path: "d", Other: "f", Flags: unix.RENAME_EXCHANGE}, model.Crash,
	},
	"removed after a commit, and written to until a crash": {
		opens("f", unix.O_CREAT|unix.O_RDWR), syncs, on(model.Unlink, "f"), writes, model.Crash,
	},
	"removed, and read when its writer is gone": {
		opens("f", unix.O_CREAT|unix.O_RDWR), model.Op{Kind: model.Open, FD: 1, Path: "f", Flags: unix.O_RDONLY}, writes,
		on(model.Unlink, "f"), closes, model.Op{Kind: model.Fstat, FD: 1},
	},
	"given another name while it is written to": {
		opens("f", unix.O_CREAT|unix.O_RDWR), writes, model.Op{Kind: model.Link, Path: "f", Other: "g"},
	},
	"given a time that is to come while it is written to": {
		opens("f", unix.O_CREAT|unix.O_RDWR), writes, future, on(model.Stat, "f"), closes, on(model.Stat, "f"),
	},
	"a pipe with privileges, given to somebody": {
		model.Op{Kind: model.Mknod, Path: "p", Mode: unix.S_IFIFO | 0o4755},
		model.Op{Kind: model.Chown, Path: "p", UID: 1000, GID: -1}, on(model.Stat, "p"),
	},
}

func TestModelFound(t *testing.T) {
	for name, steps := range found {
		for way, past := range map[string]bool{"passthrough": true, "cached": false} {
			t.Run(name+"/"+way, func(t *testing.T) {
				s, traits := start(t, model.EngineOptions{Dir: t.TempDir(), Passthrough: past})
				model.Replay(t, s, traits, steps...)
			})
		}
	}
}
