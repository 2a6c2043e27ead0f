package workload

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// What a writer keeps at most.
const (
	maxItems = 5  // content items: directories at the top
	maxFiles = 32 // files in all
)

// errWrong: a file has not the content that was written, or a promise was made that
// cannot be kept. No fault excuses that.
var errWrong = errors.New("wrong answer")

func isWrong(err error) bool { return errors.Is(err, errWrong) }

// operations are what writers do, by weight.
var operations = []struct {
	weight int
	do     func(*Writer) error
}{
	{14, (*Writer).create},
	{14, (*Writer).overwrite},
	{16, (*Writer).replace},
	{10, (*Writer).append},
	{8, (*Writer).patch},
	{10, (*Writer).syncAndGoOn},
	{6, (*Writer).overwriteUnderReader},
	{4, (*Writer).truncate},
	{8, (*Writer).unlink},
	{6, (*Writer).makeItem},
	{6, (*Writer).moveItem},
	{2, (*Writer).removeItem},
	{8, (*Writer).read},
}

// pick chooses the next operation.
func (w *Writer) pick() func(*Writer) error {
	if len(w.items()) == 0 {
		return (*Writer).makeItem
	}
	files := len(w.state.paths(false))
	switch {
	case len(w.sure()) == 0:
		return (*Writer).create
	case files >= maxFiles:
		return (*Writer).unlink
	}
	whole := 0
	for _, o := range operations {
		whole += o.weight
	}
	n := w.rng.IntN(whole)
	for _, o := range operations {
		if n -= o.weight; n < 0 {
			return o.do
		}
	}
	panic("unreachable")
}

// items returns the directories at the top that are complete.
func (w *Writer) items() []string {
	var list []string
	for _, d := range w.state.paths(true) {
		if item, ok := strings.CutSuffix(d, "/image/large"); ok {
			list = append(list, item)
		}
	}
	return list
}

// dir returns a directory for a file: an item's originals, or a scale.
func (w *Writer) dir() string {
	return w.any(w.items()) + w.any([]string{"/image", "/image/large"})
}

// some returns a file. Few are chosen often and most are left alone for long, so
// that they get to S3.
func (w *Writer) some() string {
	list := w.sure()
	r := w.rng.Float64()
	return list[int(r*r*r*float64(len(list)))]
}

// sure returns the files of which the content is known.
func (w *Writer) sure() []string {
	return slices.DeleteFunc(w.state.paths(false), func(p string) bool { return w.state[p].open() })
}

func (w *Writer) create() error {
	p := w.dir() + "/" + w.name(".jpg")
	w.doing = "creates " + p
	return w.write(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, w.content())
}

func (w *Writer) overwrite() error {
	p := w.some()
	w.doing = "overwrites " + p
	return w.write(p, os.O_WRONLY|os.O_TRUNC, w.content())
}

// overwriteUnderReader keeps the file open for reading meanwhile: reader and
// writer then share a local file.
func (w *Writer) overwriteUnderReader() error {
	p := w.some()
	w.doing = "overwrites under a reader " + p
	var r *os.File
	err := w.in(Opening, func() (err error) { r, err = os.Open(w.abs(p)); return err })
	if err != nil {
		return err
	}
	defer r.Close()
	return w.write(p, os.O_WRONLY|os.O_TRUNC, w.content())
}

// replace saves as careful programs do: a temporary file, renamed into place.
func (w *Writer) replace() error {
	p := w.dir() + "/" + w.name(".jpg")
	if w.rng.IntN(4) > 0 {
		p = w.some()
	}
	tmp := path.Dir(p) + "/" + w.name(".new")
	w.doing = "replaces " + p + ", writing " + tmp
	if err := w.write(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, w.content()); err != nil {
		return err
	}
	w.doing = "replaces " + p + ", renaming " + tmp
	return w.attempt(Renaming, w.state.moved(tmp, p), durable, func() error { return os.Rename(w.abs(tmp), w.abs(p)) })
}

// write writes a whole file and closes it.
func (w *Writer) write(p string, flags int, content []byte) error {
	next := w.state.with(p, file(content))
	w.may(next)
	w.spoil(flags, p)
	f, err := w.open(p, flags)
	if err != nil {
		return err
	}
	if err := w.put(f, content); err != nil {
		w.flight = append(w.flight, w.state.with(p, cut(content, 0)))
		f.Close()
		return err
	}
	return w.finish(flags, p, next, f)
}

// spoil puts on record that a file that is being made may be left empty by an
// error.
func (w *Writer) spoil(flags int, p string) {
	if _, there := w.state[p]; w.team.told && flags&os.O_CREATE != 0 && !there {
		w.flight = append(w.flight, w.state.with(p, leftOver()))
	}
}

// finish closes a file that was opened with flags.
func (w *Writer) finish(flags int, p string, next State, f *os.File) error {
	err := w.attempt(Closing, next, durable, f.Close)
	if err != nil {
		w.spoil(flags, p)
	}
	return err
}

func (w *Writer) open(p string, flags int) (f *os.File, err error) {
	err = w.in(Opening, func() error { f, err = os.OpenFile(w.abs(p), flags, 0o644); return err })
	return f, err
}

// put writes in pieces.
func (w *Writer) put(f *os.File, content []byte) error {
	return w.in(Writing, func() error {
		for len(content) > 0 {
			n := min(len(content), 16<<10)
			if _, err := f.Write(content[:n]); err != nil {
				return err
			}
			content = content[n:]
		}
		return nil
	})
}

func (w *Writer) append() error {
	p := w.some()
	w.doing = "appends to " + p
	old, err := w.check(p)
	if err != nil {
		return err
	}
	more := w.content()
	next := w.state.with(p, file(append(old, more...)))
	w.may(next)
	f, err := w.open(p, os.O_WRONLY|os.O_APPEND)
	if err != nil {
		return err
	}
	if err := w.put(f, more); err != nil {
		w.flight = append(w.flight, w.state.with(p, cut(append(old, more...), len(old))))
		f.Close()
		return err
	}
	return w.attempt(Closing, next, lasting(len(more) > 0), f.Close)
}

// patch changes some bytes in the middle.
func (w *Writer) patch() error {
	p := w.some()
	w.doing = "patches " + p
	content, err := w.check(p)
	if err != nil || len(content) == 0 {
		return err
	}
	at := w.rng.IntN(len(content))
	piece := w.content()
	piece = piece[:min(len(piece), len(content)-at)]
	before := bytes.Clone(content)
	copy(content[at:], piece)
	next := w.state.with(p, file(content))
	w.may(next)
	f, err := w.open(p, os.O_RDWR)
	if err != nil {
		return err
	}
	err = w.in(Writing, func() error { _, err := f.WriteAt(piece, int64(at)); return err })
	if err != nil {
		w.flight = append(w.flight, w.state.with(p, Entry{Mixed: [2][]byte{before, content}}))
		f.Close()
		return err
	}
	return w.attempt(Closing, next, lasting(len(piece) > 0), f.Close)
}

// syncAndGoOn syncs in the middle of a file: what was synced must stay.
func (w *Writer) syncAndGoOn() error {
	p := w.dir() + "/" + w.name(".log")
	flags := os.O_WRONLY | os.O_CREATE
	if w.rng.IntN(2) == 0 {
		p, flags = w.some(), os.O_WRONLY|os.O_TRUNC
	}
	w.doing = "writes, syncs and writes on " + p
	whole := append(w.content(), w.content()...)
	half := len(whole) / 2
	synced, grown := file(whole[:half]), file(whole[:half])
	grown.Grown, grown.Zeros = whole, w.team.cuts
	w.may(w.state.with(p, synced))
	w.spoil(flags, p)
	f, err := w.open(p, flags)
	if err != nil {
		return err
	}
	if err := w.put(f, whole[:half]); err != nil {
		w.flight = append(w.flight, w.state.with(p, cut(whole[:half], 0)))
		f.Close()
		return err
	}
	if err := w.attempt(Syncing, w.state.with(p, grown), durable, f.Sync); err != nil {
		w.spoil(flags, p)
		f.Close()
		return err
	}
	next := w.state.with(p, file(whole))
	w.may(next)
	if err := w.put(f, whole[half:]); err != nil {
		f.Close()
		return err
	}
	return w.attempt(Closing, next, durable, f.Close)
}

func (w *Writer) truncate() error {
	p := w.some()
	w.doing = "truncates " + p
	content, err := w.check(p)
	if err != nil || len(content) == 0 {
		return err
	}
	n := w.rng.IntN(len(content))
	return w.attempt(Truncating, w.state.with(p, file(content[:n])), visible, func() error {
		return os.Truncate(w.abs(p), int64(n))
	})
}

func (w *Writer) unlink() error {
	p := w.some()
	w.doing = "unlinks " + p
	return w.attempt(Unlinking, w.state.without(p), visible, func() error { return os.Remove(w.abs(p)) })
}

// makeItem makes the directories of a content item.
func (w *Writer) makeItem() error {
	if len(w.items()) >= maxItems {
		return w.moveItem()
	}
	d := w.prefix + w.name("")
	for _, part := range []string{"", "/image", "/image/large"} {
		p := d + part
		w.doing = "makes directory " + p
		err := w.attempt(MakingDir, w.state.with(p, Entry{Dir: true}), visible, func() error { return os.Mkdir(w.abs(p), 0o755) })
		if err != nil {
			return err
		}
	}
	return nil
}

// moveItem renames a directory with all that is in it.
func (w *Writer) moveItem() error {
	from, to := w.any(w.items()), w.prefix+w.name("")
	w.doing = "moves " + from + " to " + to
	return w.attempt(MovingDir, w.state.moved(from, to), durable, func() error { return os.Rename(w.abs(from), w.abs(to)) })
}

// removeItem removes one directory at the top and all that is in it, complete or
// not.
func (w *Writer) removeItem() error {
	top, _, _ := strings.Cut(w.any(w.state.paths(true)), "/")
	list := append(w.state.paths(true), w.state.paths(false)...)
	files, dirs := []string{}, []string{}
	for _, p := range list {
		switch {
		case p != top && !strings.HasPrefix(p, top+"/"):
		case w.state[p].Dir:
			dirs = append([]string{p}, dirs...) // the deepest first
		default:
			files = append(files, p)
		}
	}
	for _, p := range append(files, dirs...) {
		w.doing = "removes " + top + ": " + p
		phase := Unlinking
		if w.state[p].Dir {
			phase = RemovingDir
		}
		if err := w.attempt(phase, w.state.without(p), visible, func() error { return os.Remove(w.abs(p)) }); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) read() error {
	p := w.some()
	w.doing = "reads " + p
	_, err := w.check(p)
	return err
}

// check reads a file, which must be as it was left.
func (w *Writer) check(p string) (content []byte, err error) {
	w.flight = nil
	err = w.in(Reading, func() error { content, err = os.ReadFile(w.abs(p)); return err })
	if err != nil {
		return nil, err
	}
	if e := w.state[p]; sha256.Sum256(content) != e.Sum {
		return nil, fmt.Errorf("%w: %d bytes, written were %d", errWrong, len(content), e.Size)
	}
	return content, nil
}
