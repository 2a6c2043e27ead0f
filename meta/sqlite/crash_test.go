package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"contentfs/meta"
)

// crashPath names the database to a process that is there to be killed.
const crashPath = "CONTENTFS_META_CRASH"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		if err := writeUntilKilled(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled writes files from four goroutines, one after the other each,
// and prints the name of each when it is answered.
func writeUntilKilled(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	failed := make(chan error, 5)
	go func() { failed <- s.Run(context.Background()) }()
	var out sync.Mutex // guards standard output
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				if _, err := write(s, meta.Root, fmt.Sprint(w, "-", i), w<<24+i+1); err != nil {
					failed <- err
					return
				}
				out.Lock()
				fmt.Println(fmt.Sprint(w, "-", i))
				out.Unlock()
			}
		}()
	}
	return <-failed
}

// crash lets a process write for a while, kills it, and gives what it had said.
func crash(t *testing.T, path string, files int) (answered []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashPath+"="+path)
	cmd.Stderr = os.Stderr
	out := must(cmd.StdoutPipe())(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		answered = append(answered, lines.Text())
		if len(answered) == files {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(answered) < files {
		t.Fatalf("the process ended by itself after %d files: %v", len(answered), err)
	}
	return answered
}

// TestKill kills a writing process at some moment, short before and long after
// the log was first copied. What it had answered is there, and all is well.
func TestKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for _, most := range []int{10, 200, 3000} {
		path := filepath.Join(t.TempDir(), "meta.db")
		answered := crash(t, path, 1+rnd.IntN(most))
		s := openAt(t, path, Options{MustExist: true})
		for _, name := range answered {
			n, err := s.Lookup(meta.Root, []byte(name))
			if err != nil || n.Version == 0 {
				t.Errorf("%s was answered: %v, version %d", name, err, n.Version)
			}
		}
		run(t, s)
		must(write(s, meta.Root, "after", 1<<30))(t)
	}
}

// TestTornLog cuts the log of a killed process anywhere, or writes something else
// from there on, as a power cut may. What is left is what each writer did first,
// without a gap, and all is well.
func TestTornLog(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 2))
	origin := filepath.Join(t.TempDir(), "meta.db")
	crash(t, origin, 40)
	database := must(os.ReadFile(origin))(t)
	log := must(os.ReadFile(origin + "-wal"))(t)
	last := -1
	for cut := range 20 {
		path := filepath.Join(t.TempDir(), "meta.db")
		torn := append([]byte{}, log[:rnd.IntN(len(log))]...)
		if cut%2 == 0 {
			for range rnd.IntN(10000) {
				torn = append(torn, byte(rnd.Uint32()))
			}
		}
		for name, content := range map[string][]byte{path: database, path + "-wal": torn} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		last = max(last, checkPrefix(t, openAt(t, path, Options{})))
	}
	if last <= 0 {
		t.Error("nothing was left in any case")
	}
}

// checkPrefix wants the files of each writer to be its first ones, committed but
// for the last, and gives their number.
func checkPrefix(t *testing.T, s *meta.Store) int {
	t.Helper()
	entries, err := listed(s, meta.Root, 0, 100000)
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	highest := make(map[string]int)
	for _, e := range entries {
		w, number, _ := strings.Cut(string(e.Name), "-")
		i := must(strconv.Atoi(number))(t)
		count[w]++
		highest[w] = max(highest[w], i)
	}
	for w, n := range count {
		if highest[w] != n-1 {
			t.Errorf("writer %s has %d files and the highest is %d", w, n, highest[w])
		}
		for i := range n - 1 {
			if e := must(s.Lookup(meta.Root, fmt.Append(nil, w, "-", i)))(t); e.Version == 0 {
				t.Errorf("file %s-%d of %d was not committed", w, i, n)
			}
		}
	}
	return len(entries)
}
