package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"log/slog"
)

const mountinfo = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /srv/web rw,nosuid,nodev - fuse.contentfs web rw,user_id=0
31 30 0:41 / /srv/web/deep rw - tmpfs tmpfs rw
32 22 0:42 / /srv/my\040site rw master:3 propagate_from:2 - fuse.contentfs my.site rw
33 22 0:43 / /srv/over rw - fuse.contentfs under rw
34 22 0:44 / /srv/over rw - fuse.contentfs upper rw
garbage
35 22 0:45 /
`

func TestMounts(t *testing.T) {
	list, err := parseMounts(strings.NewReader(mountinfo))
	if err != nil || len(list) != 6 {
		t.Fatalf("%d mounts, %v", len(list), err)
	}
	for path, want := range map[string]string{
		"/srv/web": "web", "/srv/web/a/b": "web", "/srv/my site/x": "my.site", "/srv/over": "upper",
		"/srv/web/deep/x": "", "/srv/webx": "", "/": "", "/srv": "",
	} {
		m, ok := mountAt(list, path)
		if ok != (want != "") || ok && m.source != want {
			t.Errorf("%s: %+v, %v, want %q", path, m, ok, want)
		}
	}
	if m, ok := mountOf(list, "my.site"); !ok || m.point != "/srv/my site" {
		t.Errorf("my.site: %+v, %v", m, ok)
	}
	if m, ok := mountOf(list, "tmpfs"); ok {
		t.Errorf("a mount of another kind: %+v", m)
	}
}

func TestTargetByPath(t *testing.T) {
	f := newFixture(t)
	f.write("mountinfo", mountinfo)
	code, out, errOut := f.command("status", "/srv/my site/some/file")
	// Nobody answers, and the state is not there: the name was found all the same.
	if code != exitConfig || !strings.Contains(errOut, "volume my.site") {
		t.Errorf("exit %d, %s%s", code, out, errOut)
	}
}

func TestReleaseLeavesOtherMountsAlone(t *testing.T) {
	f := newFixture(t)
	f.write("mountinfo", mountinfo)
	for _, point := range []string{"/srv/web/deep", "/srv/web/a", "/"} {
		if err := f.release(point); err != nil {
			t.Errorf("%s: %v", point, err)
		}
	}
}

func TestDeadIsOnlyWhatTheKernelSays(t *testing.T) {
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		if dead(path) {
			t.Errorf("%s counts as dead", path)
		}
	}
}

// runnerFunc is a runner made of a function.
type runnerFunc func(ctx context.Context, ready func()) error

func (f runnerFunc) Run(ctx context.Context, ready func()) error { return f(ctx, ready) }

// stoppingFor returns a stopping whose signals the test sends.
func stoppingFor(t *testing.T, socket string) (s *stopping, notes chan string, released chan string) {
	notes, released = make(chan string, 9), make(chan string, 9)
	s = &stopping{
		sigs: make(chan os.Signal, 4), log: slog.New(slog.DiscardHandler),
		cfg:     &config{name: "web", mountpoint: "/srv/web", socket: socket, drain: time.Second},
		notify:  func(n string) { notes <- n },
		release: func(p string) error { released <- p; return nil },
	}
	s.ctx, s.cancel = context.WithCancel(t.Context())
	t.Cleanup(s.end)
	return s, notes, released
}

func TestFirstSignalEndsTheMount(t *testing.T) {
	s, notes, released := stoppingFor(t, "/nosuch")
	err := s.run(runnerFunc(func(ctx context.Context, ready func()) error {
		ready()
		<-ctx.Done()
		return nil
	}), func() { s.sigs <- syscall.SIGTERM })
	if err != nil || len(released) != 0 {
		t.Errorf("%v, %d releases", err, len(released))
	}
	if n := <-notes; !strings.HasPrefix(n, "STOPPING=1\n") {
		t.Errorf("notified %q", n)
	}
}

func TestSecondAndThirdSignalGiveUp(t *testing.T) {
	s, _, released := stoppingFor(t, filepath.Join(t.TempDir(), "none"))
	hang := make(chan struct{})
	defer close(hang)
	err := s.run(runnerFunc(func(context.Context, func()) error {
		for range 3 {
			s.sigs <- syscall.SIGINT
		}
		<-hang
		return nil
	}), nil)
	if exitCode(err) != exitInterrupted || <-released != "/srv/web" {
		t.Errorf("%v", err)
	}
}

func TestMountThatEndsByItself(t *testing.T) {
	s, _, _ := stoppingFor(t, "/nosuch")
	boom := errors.New("boom")
	if err := s.run(runnerFunc(func(context.Context, func()) error { return boom }), nil); !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
}

func TestNotify(t *testing.T) {
	for name, path := range map[string]string{"path": filepath.Join(t.TempDir(), "n"), "abstract": "@contentfs-notify-test"} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			f := newFixture(t)
			f.env["NOTIFY_SOCKET"] = path
			f.notify(slog.New(slog.DiscardHandler), "READY=1")
			conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			b := make([]byte, 100)
			n, err := conn.Read(b)
			if err != nil || string(b[:n]) != "READY=1" {
				t.Errorf("%q, %v", b[:n], err)
			}
		})
	}
}

func TestReadyPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	pipe := &readyPipe{w}
	pipe.failed(nil)
	pipe.failed(configError("mount web", "this", "why"))
	pipe.ready(&mountResult{}) // too late
	b := make([]byte, 1000)
	n, _ := r.Read(b)
	if got, want := string(b[:n]), `{"code":3,"what":"mount web","why":"why","try":"this"}`+"\n"; got != want {
		t.Errorf("told %s", got)
	}
}
