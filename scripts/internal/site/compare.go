package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// compare looks at every file below a directory: each that the load wrote must be
// there with its bytes, and no other. Directories of contentfs's own do not count. In the fallback of a mounted
// volume, what was removed may lie there until its grace ends.
func (p *play) compare(where, dir string) {
	type file struct {
		name string
		text text
	}
	want := make(map[string]bool)
	var list []file
	p.load.each(func(name string, c text) {
		want[name] = true
		list = append(list, file{name, c})
	})
	var kept int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(path, dir+"/")
		if d.IsDir() && strings.HasPrefix(rel, ".contentfs-") {
			return filepath.SkipDir
		}
		if p.load.others[rel] != nil {
			return nil
		}
		if !d.IsDir() && !want[rel] && dir == p.site.fallback && p.load.had(rel) {
			kept++
			return nil
		}
		if !d.IsDir() && !want[rel] {
			p.findings.add("%s: %q is there and should not be", where, rel)
		}
		return p.ctx.Err()
	})
	if err != nil {
		p.findings.add("%s: %v", where, err)
	}
	if !p.site.mounted {
		p.findings.equal(where+", files under names that the load gave up", kept, 0)
	}
	next := make(chan file)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for f := range next {
				b, err := os.ReadFile(dir + "/" + f.name)
				if err == nil {
					err = f.text.check(b)
				}
				if err == nil && f.text.look != nil {
					err = f.text.look.check(dir + "/" + f.name)
				}
				if err != nil {
					p.findings.add("%s: %q: %v", where, f.name, err)
				}
			}
		})
	}
	for _, f := range list {
		if p.ctx.Err() != nil {
			break
		}
		next <- f
	}
	close(next)
	all.Wait()
	p.compared += len(list)
	p.checkOthers(where, dir)
}

// objects counts what lies in the bucket below a prefix, as the S3 server stores it.
func (p *play) objects(prefix string) (n int64, err error) {
	err = filepath.WalkDir(filepath.Join(p.o.s3, bucket, prefix), func(_ string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
		case d.IsDir() && d.Name() == ".contentfs": // what a volume keeps about itself
			return filepath.SkipDir
		case d.Type().IsRegular() && d.Name() != ".contentfs-probe":
			n++
		}
		return err
	})
	return n, err
}
