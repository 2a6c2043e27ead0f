package model

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/backend/mem"
	"contentfs/fs/audit"
	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// EngineOptions say how an Engine is made.
type EngineOptions struct {
	Dir         string // for the state; Engine makes and removes its own below it
	Passthrough bool   // reads and writes go past the engine, as the kernel lets them
	Durability  content.Durability
}

// Engine is content.Engine as a System, without a kernel.
type Engine struct {
	EngineOptions
	*life
	lives  int
	store  *mem.Store
	faults *fault.Backend
	away   bool
	losing bool // the next reply is lost
	log    lines
}

// life is one run of the process, from its start to its end or crash.
type life struct {
	dir    string
	meta   *meta.Store
	local  *local.Store
	engine *content.Engine
	fds    map[int]*opened
	stop   context.CancelFunc
	done   chan error
}

// StartEngine makes an empty volume and starts it.
func StartEngine(o EngineOptions) (*Engine, error) {
	dir, err := os.MkdirTemp(o.Dir, "engine")
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	e := &Engine{EngineOptions: o, store: mem.New()}
	e.faults = fault.New(e.store)
	if err := e.start(e.next()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return e, nil
}

// Shut ends the volume and removes its state.
func (e *Engine) Shut() error { return errors.Join(e.life.end(), os.RemoveAll(e.Dir)) }

func (e *Engine) next() string {
	e.lives++
	return filepath.Join(e.Dir, fmt.Sprint("life", e.lives))
}

// start begins a life with the state in dir.
func (e *Engine) start(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	l := &life{dir: dir, fds: make(map[int]*opened), done: make(chan error, 1)}
	var err error
	if l.meta, err = sqlite.Open(filepath.Join(dir, "meta.db"), sqlite.Options{}); err != nil {
		return err
	}
	if l.local, err = local.Open(filepath.Join(dir, "local")); err != nil {
		return errors.Join(err, l.meta.Close())
	}
	l.engine = content.New(content.Config{
		Meta: l.meta, Local: l.local, Log: slog.New(&e.log),
		Objects: func(string) (backend.Backend, error) { return e.faults, nil },
		Bucket:  "bucket", Prefix: "model", Durability: e.Durability,
		CacheSize: 1 << 40, Timeout: time.Minute,
	})
	l.engine.SetQueue(e)
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	go func() { l.done <- l.meta.Run(ctx) }()
	if _, err := l.engine.Recover(ctx); err != nil {
		return errors.Join(err, l.end())
	}
	e.life = l
	return nil
}

// end closes what is open and stops the life in order.
func (l *life) end() error {
	for fd := range l.fds {
		l.close(fd)
	}
	l.stop()
	return errors.Join(<-l.done, l.meta.Close(), l.local.Close())
}

// Events returns all.
func (e *Engine) Events() []Event {
	return []Event{Upload, Upload, Evict, Evict, OutageBegin, OutageEnd, LostReply, Crash, Remount}
}

// Raise lets an event happen.
func (e *Engine) Raise(event Event) error {
	switch event {
	case Upload:
		return e.upload()
	case Evict:
		return e.evict()
	case OutageBegin:
		e.away = true
		e.faults.Add(fault.Rule{Fail: true, Class: backend.Transient})
	case OutageEnd:
		e.away, e.losing = false, false
		e.faults.Clear()
	case LostReply:
		if !e.away && !e.losing {
			e.losing = true
			e.faults.Add(fault.Rule{Op: fault.Put, Times: 1, Lose: true, Before: func() { e.losing = false }})
		}
	case Crash:
		return e.crash()
	case Remount:
		if err := e.life.end(); err != nil {
			return err
		}
		return e.start(e.dir)
	}
	return nil
}

// crash takes the state as it is on disk at this moment to the next life.
func (e *Engine) crash() error {
	dead, dir := e.life, e.next()
	if err := copyState(dead.dir, dir); err != nil {
		return err
	}
	// What the dead still say nobody hears, and what they send does not arrive.
	quiet := e.log.silence()
	arrive := e.faults.Add(fault.Rule{Fail: true, Class: backend.Transient})
	err := dead.end()
	arrive()
	quiet()
	if err = errors.Join(err, os.RemoveAll(dead.dir)); err != nil {
		return err
	}
	return e.start(dir)
}

// Verify checks the metadata, the local files and the store, and what was logged.
func (e *Engine) Verify() error {
	if err := e.log.bad(); err != nil {
		return err
	}
	for _, o := range e.fds {
		if o.h.File() == nil {
			return nil // it may be on its way, in a file that is on no record yet
		}
	}
	objects := func(string) (backend.Backend, error) { return e.store, nil }
	r, err := audit.Verify(context.Background(), e.meta, e.local, objects)
	if err == nil && len(r.Findings) > 0 {
		err = errors.New(strings.Join(r.Findings, "; "))
	}
	return err
}

// lines looks at what is logged for what must not be.
type lines struct {
	quiet  bool
	errors []string
}

// taken are messages that a crash brings with it.
var taken = []string{"kept in the quarantine"}

func (l *lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *lines) WithGroup(string) slog.Handler                    { return l }
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	if l.quiet || slices.ContainsFunc(taken, func(s string) bool { return strings.Contains(r.Message, s) }) {
		return nil
	}
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += " " + a.String(); return true })
	l.errors = append(l.errors, line)
	return nil
}

func (l *lines) silence() (end func()) {
	l.quiet = true
	return func() { l.quiet = false }
}

func (l *lines) bad() error {
	if len(l.errors) == 0 {
		return nil
	}
	return errors.New("logged: " + strings.Join(l.errors, "; "))
}
