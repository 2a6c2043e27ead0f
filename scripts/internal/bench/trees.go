package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const perFolder = 50 // files in each folder of a tree

func treeDir(s side) string { return filepath.Join(s.dir, "tree") }

// prepareTree makes a tree of files as a CMS has them.
func prepareTree(s side) error { return fill(s.ctx, treeDir(s), manyNames/perFolder, perFolder) }

// command runs a program in the side's folder.
func (s side) command(name string, args ...string) error {
	cmd := exec.CommandContext(s.ctx, name, args...)
	cmd.Dir = s.dir
	// Whoever runs this has settings of his own.
	cmd.Env = append(os.Environ(), "HOME="+s.dir, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}

// treeProgram returns a round that has a program go through the tree.
func treeProgram(name string, args ...string) func(side) (float64, error) {
	return func(s side) (float64, error) {
		begin := time.Now()
		// find wants its conditions behind the folder, du does not care.
		err := s.command(name, append([]string{treeDir(s)}, args...)...)
		return rate(manyNames, begin), err
	}
}

// removeTree makes a tree, and returns the rate at which rm -r removes it.
func removeTree(s side) (float64, error) {
	if err := fill(s.ctx, treeDir(s), someNames/perFolder, perFolder); err != nil {
		return 0, err
	}
	begin := time.Now()
	err := s.command("rm", "-r", treeDir(s))
	return rate(someNames, begin), err
}

// prepareRepository makes a git repository in which nothing is changed.
func prepareRepository(s side) error {
	if err := fill(s.ctx, treeDir(s), someNames/perFolder, perFolder); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "-q"},
		{"add", "."},
		{"-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-q", "-m", "all"},
		{"gc", "-q"},
		{"status"}, // brings the index up to date
	} {
		if err := s.command("git", append([]string{"-C", treeDir(s)}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

// gitStatus returns files per second.
func gitStatus(s side) (float64, error) {
	begin := time.Now()
	err := s.command("git", "-C", treeDir(s), "status", "--porcelain")
	return rate(someNames, begin), err
}

func archive(s side) string { return s.dir + ".tar" }

// prepareArchive makes an archive beside the side's folder, on the plain disk.
func prepareArchive(s side) (err error) {
	f, err := os.Create(archive(s))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := tar.NewWriter(f)
	data := smallData()[:1<<10]
	for n := range manyNames {
		if n%perFolder == 0 {
			h := tar.Header{Typeflag: tar.TypeDir, Name: fmt.Sprintf("%032x/", n/perFolder), Mode: 0o755, ModTime: time.Unix(1e9, 0)}
			if err := w.WriteHeader(&h); err != nil {
				return err
			}
		}
		h := tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("%032x/%d.jpg", n/perFolder, n%perFolder),
			Mode: 0o644, Size: int64(len(data)), ModTime: time.Unix(1e9, 0)}
		if err := w.WriteHeader(&h); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return w.Close()
}

// extract returns files per second of tar x.
func extract(s side) (float64, error) {
	return inNewFolder(s, func(dir string) error { return s.command("tar", "-C", dir, "-xf", archive(s)) })
}

// extractDurably does what tar does, and sees to it that each file is on the disk:
// tar has no option for that.
func extractDurably(s side) (float64, error) {
	return inNewFolder(s, func(dir string) error {
		f, err := os.Open(archive(s))
		if err != nil {
			return err
		}
		defer f.Close()
		r := tar.NewReader(f)
		for {
			h, err := r.Next()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := extractOne(s, filepath.Join(dir, h.Name), h, r); err != nil {
				return err
			}
		}
	})
}

func extractOne(s side, name string, h *tar.Header, r io.Reader) error {
	if h.Typeflag == tar.TypeDir {
		return os.Mkdir(name, 0o755)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return err
	}
	return s.finish(f)
}

// inNewFolder returns the rate at which the archive is extracted into an empty
// folder.
func inNewFolder(s side, work func(dir string) error) (float64, error) {
	dir, err := os.MkdirTemp(s.dir, "round")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	begin := time.Now()
	err = work(dir)
	return rate(manyNames, begin), err
}
