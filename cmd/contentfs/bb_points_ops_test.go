package main_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"contentfs/backend"
	"contentfs/fs/crash"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// dir is where scenes work.
const dir = "u1/image"

// fresh returns a path that was never used.
func (s *theatre) fresh() string {
	s.n++
	return fmt.Sprintf("%s/f%03d.jpg", dir, s.n)
}

// text returns a content of n bytes or some more that was never used.
func (s *theatre) text(n int) string {
	s.n++
	line := fmt.Sprintf("line of content %d\n", s.n)
	return strings.Repeat(line, n/len(line)+1)
}

// mkdir makes a directory and those above it.
func (s *theatre) mkdir(path string) error {
	for at := range path + "/" {
		if at < len(path) && path[at] != '/' {
			continue
		}
		if _, ok := s.state[path[:at]+"/"]; ok {
			continue
		}
		err := s.ledger.do(s.state.with(path[:at]+"/", ""), visible, func() error { return os.Mkdir(s.Join(path[:at]), 0o755) })
		if err != nil {
			return err
		}
	}
	return nil
}

// put writes a file, new or not.
func (s *theatre) put(path, text string) error {
	if err := s.mkdir(filepath.Dir(path)); err != nil {
		return err
	}
	return s.ledger.do(s.state.with(path, text), durable, func() error { return os.WriteFile(s.Join(path), []byte(text), 0o644) })
}

// add writes a new file.
func (s *theatre) add() error { return s.put(s.fresh(), s.text(3000)) }

// made writes a new file and returns its path.
func (s *theatre) made() (string, error) {
	path := s.fresh()
	return path, s.put(path, s.text(3000))
}

// stored writes a new file and returns its path when it is in S3.
func (s *theatre) stored() (string, error) {
	path, err := s.made()
	if err == nil {
		awaitUploads(s.Volume)
	}
	return path, err
}

// any returns a file that is there.
func (s *theatre) any() string {
	for path := range s.state {
		if strings.HasPrefix(path, dir+"/f") {
			return path
		}
	}
	return "there is no file"
}

func (s *theatre) rename(from, to string) error {
	return s.ledger.do(s.state.without(from).with(to, s.state[from]), durable, func() error { return os.Rename(s.Join(from), s.Join(to)) })
}

func (s *theatre) unlink(path string) error {
	return s.ledger.do(s.state.without(path), visible, func() error { return os.Remove(s.Join(path)) })
}

// change opens a file for writing, and writes at its end unless text is empty.
func (s *theatre) change(path, text string) error {
	how := durable
	if text == "" {
		how = visible // there is nothing to promise
	}
	return s.ledger.do(s.state.with(path, s.state[path]+text), how, func() error {
		f, err := os.OpenFile(s.Join(path), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString(text)
		return errors.Join(err, f.Close())
	})
}

// all does things one after the other.
func all(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// addAndEnd writes a new file and ends the mount, which sends it.
func addAndEnd(s *theatre) error { return all(s.add, s.drain) }

// read reads a file that is there.
func (s *theatre) read(path string) error {
	b, err := os.ReadFile(s.Join(path))
	if err == nil && string(b) != s.state[path] {
		err = fmt.Errorf("read %s: %.40q (%d bytes) instead of %.40q", path, b, len(b), s.state[path])
	}
	return err
}

// readAll reads all files.
func readAll(s *theatre) error {
	for path := range s.state {
		if !strings.HasSuffix(path, "/") {
			if err := s.read(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// killed is a life that ends by a kill at a point, before the one that the scene is
// about.
func killed(p crash.Point, do func(*theatre) error) func(*theatre) error {
	return func(s *theatre) error { return s.lead(scene{point: p, do: do}, strike{point: p}) }
}

// held opens a new file for writing, writes, and never closes it: the end of the
// process does. What was synced must be there.
func held(synced, more string) func(*theatre) error {
	return func(s *theatre) error {
		path := s.fresh()
		f, err := os.OpenFile(s.Join(path), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
		if err != nil {
			return err
		}
		s.keep(f)
		if synced != "" {
			err := s.ledger.do(s.state.with(path, synced), durable, func() error {
				_, err := f.WriteString(synced)
				return errors.Join(err, f.Sync())
			})
			if err != nil {
				return err
			}
		}
		if _, err := f.WriteString(more); err != nil {
			return err
		}
		maybe := []tree{s.state}
		if synced != "" {
			maybe = append(maybe, s.state.with(path, synced+more))
		}
		return s.end(maybe...)
	}
}

// end makes a directory, at which the process is to end. also are what the crash may
// leave of what was not answered before.
func (s *theatre) end(also ...tree) error {
	s.n++
	name := fmt.Sprintf("end%d/", s.n)
	for _, t := range also {
		also = append(also, t.with(name, ""))
	}
	return s.ledger.do(s.state.with(name, ""), visible, func() error { return os.Mkdir(s.Join(name), 0o755) }, also...)
}

// keep holds a file open until the process has ended.
func (s *theatre) keep(f *os.File) { s.held = append(s.held, f) }

// wipe deletes all local files but for the quarantine, which is not in S3.
func (s *theatre) wipe() {
	s.T.Helper()
	m, err := sqlite.Open(filepath.Join(s.State, "meta.db"), sqlite.Options{ReadOnly: true})
	if err != nil {
		s.T.Fatal(err)
	}
	defer m.Close()
	kept := make(map[string]bool)
	for after := meta.FileID(""); ; {
		list, err := m.Files(after, 1000)
		if err != nil {
			s.T.Fatal(err)
		}
		for i := range list {
			after = list[i].File
			kept[string(after)] = list[i].Kind == meta.FileQuarantined
		}
		if len(list) < 1000 {
			break
		}
	}
	files, err := os.ReadDir(filepath.Join(s.State, "local"))
	if err != nil {
		s.T.Fatal(err)
	}
	for _, f := range files {
		if kept[f.Name()] {
			continue
		}
		if err := os.Remove(filepath.Join(s.State, "local", f.Name())); err != nil {
			s.T.Fatal(err)
		}
	}
}

// line is a command with all that a configuration file would say.
func (s *theatre) line(verb string, more ...string) []string {
	args := append([]string{verb, "--state", s.State}, more...)
	switch verb {
	case "migrate", "restore", "move", "gc", "verify":
		args = append(args, s.Store()...)
		if s.folder != "" {
			args = append(args, "--fallback", s.folder)
		}
	case "import", "rebuild":
		args = append(args, s.Store()...)
	case "enable", "disable":
		args = append(args, "--fallback", s.folder)
	}
	return append(args, s.Name)
}

// run runs a command to its good end.
func (s *theatre) run(verb string, more ...string) error {
	return s.Run(s.line(verb, more...)...).Want(0)
}

// away mounts with a store that does not answer.
func (s *theatre) away(do func() error) error {
	there := s.Endpoint
	s.Endpoint = "http://127.0.0.1:1"
	s.Log.Expect("the store is away", "not everything is in S3")
	s.Mount("--drain-deadline", "0s")
	err := do()
	s.Endpoint = there
	if code := s.Terminate(); code != 0 {
		err = errors.Join(err, fmt.Errorf("exit code %d", code))
	}
	return err
}

// stray puts a file into the local store that is not on record.
func stray(text string) func(*theatre) error {
	return func(s *theatre) error {
		s.n++
		path := filepath.Join(s.State, "local", fmt.Sprintf("%032x", s.n))
		return errors.Join(os.WriteFile(path, []byte(text), 0o600), syncDisk(s.State))
	}
}

// syncDisk makes all durable that was written past the mount to the disk of a path.
func syncDisk(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}

// putObject stores an object past the program.
func putObject(b backend.Backend, key, text string) error {
	_, err := b.Put(context.Background(), key, strings.NewReader(text), int64(len(text)),
		backend.PutOptions{SHA256: sha256.Sum256([]byte(text))})
	return err
}

// checkMeta verifies the invariants of a volume's metadata.
func checkMeta(t testing.TB, state string) {
	t.Helper()
	m, err := sqlite.Open(filepath.Join(state, "meta.db"), sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Error(err)
		return
	}
	defer m.Close()
	if broken, err := m.Check(context.Background()); err != nil || len(broken) != 0 {
		t.Errorf("metadata: %q, %v", broken, err)
	}
}
