package backendtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	readyTimeout = 20 * time.Second
	stopTimeout  = 5 * time.Second
	healthPath   = "/healthy"
)

// Gateway is a versitygw process that serves a temporary directory by S3 on
// loopback. It checks conditions in two steps, keeps keys as paths, and syncs
// nothing: see GatewayLimits.
type Gateway struct {
	Endpoint  string // http://127.0.0.1:port, the same for all its life
	AccessKey string
	SecretKey string
	Dir       string // every directory in it is a bucket

	binary string
	addr   string

	mu   sync.Mutex // guards what follows
	cmd  *exec.Cmd  // nil while stopped
	done chan struct{}
	log  *bytes.Buffer // read only after done is closed
}

// GatewayLimits is what versitygw cannot do.
var GatewayLimits = Limits{MaxComponent: 255, Tree: true, LooseIfAbsent: true}

// StartGateway starts a gateway with random keys and returns when it answers. The
// process ends with the test. The binary is $CONTENTFS_VERSITYGW, or versitygw in
// PATH, in $(go env GOPATH)/bin, or in the cache that scripts/test fills.
func StartGateway(t testing.TB) *Gateway {
	t.Helper()
	binary, err := findGateway(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g := &Gateway{AccessKey: rand.Text(), SecretKey: rand.Text(), Dir: t.TempDir(), binary: binary}
	t.Cleanup(g.Stop)
	// The port is free now and may be taken a moment later.
	for attempt := range 3 {
		if g.addr, err = freeAddr(); err != nil {
			t.Fatal(err)
		}
		g.Endpoint = "http://" + g.addr
		if err = g.start(t.Context()); err == nil {
			return g
		}
		t.Logf("attempt %d: %v", attempt+1, err)
	}
	t.Fatal(err)
	return nil
}

// Bucket makes a bucket.
func (g *Gateway) Bucket(t testing.TB, name string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(g.Dir, name), 0o755); err != nil {
		t.Fatal(err)
	}
}

// Env returns the environment in which the AWS credential chain finds the keys of
// this gateway, and nothing of the machine's own.
func (g *Gateway) Env() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + g.AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + g.SecretKey,
		"AWS_REGION=us-east-1",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull,
	}
}

// Start starts a stopped gateway on its port again and returns when it answers.
func (g *Gateway) Start(t testing.TB) {
	t.Helper()
	if err := g.start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the process at once and waits for it. Stopping a stopped gateway does
// nothing.
func (g *Gateway) Stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopLocked()
}

// Pause stops the process without closing its connections: a hung server.
func (g *Gateway) Pause(t testing.TB) {
	t.Helper()
	g.signal(t, syscall.SIGSTOP)
	g.mu.Lock()
	defer g.mu.Unlock()
	// The signal takes effect some time later, thread by thread.
	limit := time.Now().Add(stopTimeout)
	for !stopped(g.cmd.Process.Pid) {
		if time.Now().After(limit) {
			t.Fatalf("the gateway did not stop within %v", stopTimeout)
		}
		<-time.After(time.Millisecond)
	}
}

// stopped reports whether every thread of a process is stopped.
func stopped(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		return false
	}
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		// The state follows the command, which is in parentheses and may hold any byte.
		_, rest, ok := bytes.Cut(stat[bytes.LastIndexByte(stat, ')'):], []byte(") "))
		if !ok || rest[0] != 'T' {
			return false
		}
	}
	return true
}

// Resume undoes Pause.
func (g *Gateway) Resume(t testing.TB) { t.Helper(); g.signal(t, syscall.SIGCONT) }

func (g *Gateway) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cmd == nil {
		t.Fatalf("%v: the gateway is not running", sig)
	}
	if err := g.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("%v: %v", sig, err)
	}
}

func (g *Gateway) start(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cmd != nil {
		return errors.New("versitygw is running already")
	}
	cmd := exec.Command(g.binary, "--port", g.addr, "--keep-alive", "--quiet", "--health", healthPath, "posix", g.Dir)
	// The keys go by environment: arguments are world-readable.
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+g.AccessKey, "ROOT_SECRET_KEY="+g.SecretKey)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	log := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = log, log
	started, done := make(chan error, 1), make(chan struct{})
	go func() {
		// The death signal comes when the thread that started the process ends, and a
		// test may throw its own away. This one stays until the process has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is told by its log
			close(done)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start versitygw: %w", err)
	}
	g.cmd, g.log, g.done = cmd, log, done
	if err := g.awaitLocked(ctx); err != nil {
		g.stopLocked()
		return fmt.Errorf("versitygw on %s: %w\n%s", g.addr, err, log)
	}
	return nil
}

// awaitLocked returns when the server answers or its process has ended.
func (g *Gateway) awaitLocked(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.Endpoint+healthPath, nil)
		if err != nil {
			return err
		}
		if resp, err := transport.RoundTrip(req); err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err == nil && resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-g.done:
			return errors.New("ended before it was ready")
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

func (g *Gateway) stopLocked() {
	if g.cmd == nil {
		return
	}
	_ = g.cmd.Process.Signal(syscall.SIGTERM) // fails only when it has ended
	_ = g.cmd.Process.Signal(syscall.SIGCONT) // a paused process takes no SIGTERM
	select {
	case <-g.done:
	case <-time.After(stopTimeout):
		_ = g.cmd.Process.Kill()
		<-g.done
	}
	g.cmd = nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func findGateway(ctx context.Context) (string, error) {
	const name = "versitygw"
	if path := os.Getenv("CONTENTFS_VERSITYGW"); path != "" {
		if _, err := exec.LookPath(path); err != nil {
			return "", fmt.Errorf("CONTENTFS_VERSITYGW: %w", err)
		}
		return path, nil
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	var places []string
	if out, err := exec.CommandContext(ctx, "go", "env", "GOPATH").Output(); err == nil {
		for _, p := range filepath.SplitList(strings.TrimSpace(string(out))) {
			places = append(places, filepath.Join(p, "bin", name))
		}
	}
	if cache, err := os.UserCacheDir(); err == nil { // $XDG_CACHE_HOME or ~/.cache
		places = append(places, filepath.Join(cache, "contentfs", "tools", name))
	}
	for _, path := range places {
		if _, err := exec.LookPath(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is neither in PATH nor in %s: run scripts/test, which installs it, or set CONTENTFS_VERSITYGW",
		name, strings.Join(places, " nor in "))
}
