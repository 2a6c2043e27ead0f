package model

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs"
	"contentfs/meta"
)

// spot is where a path leads: what the kernel knows before it asks.
type spot struct {
	dir  meta.Ino
	name []byte
	n    *meta.Node // nil: nothing
}

// Do calls the engine as the kernel does after its own checks.
func (e *Engine) Do(op Op) Result {
	if do := onFiles[op.Kind]; do != nil {
		return do(e.life, e, op)
	}
	switch op.Kind {
	case Utimens:
		if op.Atime.Nsec == unix.UTIME_OMIT && op.Mtime.Nsec == unix.UTIME_OMIT {
			return Result{}
		}
	case Rename:
		return e.rename(op)
	case Link:
		return e.link(op)
	}
	s, errno := e.find(op.Path)
	if errno != 0 {
		return fail(errno)
	}
	if do := onNew[op.Kind]; do != nil {
		if s.n != nil {
			return fail(unix.EEXIST)
		}
		return fail(errnoOf(do(e, s, op)))
	}
	if op.Kind == Open || op.Kind == Cat {
		return e.open(s, op)
	}
	if s.n == nil {
		return fail(unix.ENOENT)
	}
	if do := onNode[op.Kind]; do != nil {
		return do(e, s, op)
	}
	return fail(unix.ENOSYS)
}

func errnoOf(err error) syscall.Errno { return fs.Errno(err) }

// parentOf looks up all of a path but its last component.
func (e *Engine) parentOf(p string) (dir meta.Ino, name string, errno syscall.Errno) {
	dir = meta.Root
	for {
		first, rest, more := strings.Cut(p, "/")
		if !more {
			return dir, first, 0
		}
		if len(first) > nameMax {
			return 0, "", unix.ENAMETOOLONG
		}
		n, err := e.engine.Lookup(dir, []byte(first))
		switch {
		case err != nil:
			return 0, "", errnoOf(err)
		case n.Mode&meta.TypeMask == meta.TypeSymlink: // they point nowhere
			return 0, "", unix.ENOENT
		case !n.IsDir():
			return 0, "", unix.ENOTDIR
		}
		dir, p = n.Ino, rest
	}
}

func (e *Engine) find(p string) (spot, syscall.Errno) {
	dir, name, errno := e.parentOf(p)
	switch {
	case errno != 0:
		return spot{}, errno
	case p == "":
		n, err := e.engine.GetAttr(meta.Root)
		return spot{meta.Root, nil, &n}, errnoOf(err)
	case len(name) > nameMax:
		return spot{}, unix.ENAMETOOLONG
	}
	n, err := e.engine.Lookup(dir, []byte(name))
	if errno := errnoOf(err); errno == unix.ENOENT {
		return spot{dir, []byte(name), nil}, 0
	} else if errno != 0 {
		return spot{}, errno
	}
	return spot{dir, []byte(name), &n}, 0
}

// onNew are the operations that make a name.
var onNew = map[Kind]func(*Engine, spot, Op) error{
	Mkdir: func(e *Engine, s spot, op Op) error { return e.mknod(s, meta.TypeDir|op.Mode&mkdirMode, op) },
	Mknod: func(e *Engine, s spot, op Op) error { return e.mknod(s, op.Mode, op) },
	Symlink: func(e *Engine, s spot, op Op) error {
		return e.mknod(s, meta.TypeSymlink|0o777, op)
	},
}

func (e *Engine) mknod(s spot, mode uint32, op Op) error {
	r := meta.CreateRequest{Parent: s.dir, Name: s.name, Mode: mode, Rdev: uint32(op.N)}
	if op.Kind == Symlink {
		r.Target = op.Data
	}
	n, err := e.engine.Mknod(r)
	return e.believed(n, err)
}

// errStale: an answer that the kernel keeps differs from what is so.
var errStale = errors.New("answer is out of date")

// believed compares the attributes in an answer, which the kernel keeps, with those
// that it would get if it asked.
func (e *Engine) believed(n meta.Node, err error) error {
	if err != nil {
		return err
	}
	now, err := e.engine.GetAttr(n.Ino)
	if err == nil && n != now {
		e.log.errors = append(e.log.errors, fmt.Sprintf("answered %+v, is %+v", n, now))
		err = errStale
	}
	return err
}

// onNode are the operations on what is there.
var onNode = map[Kind]func(*Engine, spot, Op) Result{
	Stat: func(_ *Engine, s spot, _ Op) Result { return infoOf(s.n) },
	Statfs: func(e *Engine, _ spot, _ Op) Result {
		st, err := e.engine.StatFS()
		if err == nil && (st.BlockSize <= 0 || st.Free > st.Blocks || st.Available > st.Free || st.FilesFree > st.Files) {
			return fail(unix.EPROTO)
		}
		return fail(errnoOf(err))
	},
	Readlink: func(e *Engine, s spot, _ Op) Result {
		if s.n.Mode&meta.TypeMask != meta.TypeSymlink {
			return fail(unix.EINVAL)
		}
		target, err := e.engine.Readlink(s.n.Ino)
		return Result{Errno: errnoOf(err), Data: target}
	},
	Readdir: (*Engine).readdir,
	Unlink: func(e *Engine, s spot, _ Op) Result {
		return fail(errnoOf(e.engine.Unlink(s.dir, s.name)))
	},
	Rmdir: func(e *Engine, s spot, _ Op) Result { return fail(errnoOf(e.engine.Rmdir(s.dir, s.name))) },
	Chmod: func(e *Engine, s spot, op Op) Result {
		if s.n.Mode&meta.TypeMask == meta.TypeSymlink {
			return fail(unix.ENOENT)
		}
		return e.setAttr(s.n, meta.AttrChange{Valid: meta.AttrMode, Mode: op.Mode})
	},
	Chown:    (*Engine).chown,
	Utimens:  (*Engine).utimens,
	Truncate: (*Engine).truncate,
	Setxattr: func(e *Engine, s spot, op Op) Result {
		if !takesAttr(s.n, op.Name) {
			return fail(unix.EPERM)
		}
		err := e.engine.Setxattr(s.n.Ino, []byte(op.Name), op.Data, op.Flags == unix.XATTR_CREATE, op.Flags == unix.XATTR_REPLACE)
		return fail(errnoOf(err))
	},
	Removexattr: func(e *Engine, s spot, op Op) Result {
		if !takesAttr(s.n, op.Name) {
			return fail(unix.EPERM)
		}
		return fail(errnoOf(e.engine.Removexattr(s.n.Ino, []byte(op.Name))))
	},
	Getxattr: func(e *Engine, s spot, op Op) Result {
		v, err := e.engine.Getxattr(s.n.Ino, []byte(op.Name))
		return Result{Errno: errnoOf(err), Data: v}
	},
	Listxattr: func(e *Engine, s spot, _ Op) Result {
		list, err := e.engine.Listxattr(s.n.Ino)
		var names []string
		for _, n := range list {
			names = append(names, string(n))
		}
		return Result{Errno: errnoOf(err), Names: ownNames(names)}
	},
}

// takesAttr is the kernel's rule for attributes of users.
func takesAttr(n *meta.Node, name string) bool {
	return n.IsDir() || n.IsRegular() || !strings.HasPrefix(name, "user.")
}

func infoOf(n *meta.Node) Result {
	i := &Info{
		Ino: uint64(n.Ino), Mode: n.Mode, Nlink: n.Nlink, UID: n.UID, GID: n.GID, Rdev: uint64(n.Rdev), Size: n.Size,
		Atime: n.Atime, Mtime: n.Mtime, Ctime: n.Ctime,
	}
	if n.IsDir() {
		i.Size = 0
	}
	return Result{Info: i}
}

func (e *Engine) setAttr(n *meta.Node, c meta.AttrChange) Result {
	c.Ctime = time.Now().UnixNano()
	return fail(errnoOf(e.believed(e.engine.SetAttr(context.Background(), n.Ino, nil, c))))
}

func (e *Engine) chown(s spot, op Op) Result {
	var c meta.AttrChange
	if op.UID >= 0 {
		c.Valid, c.UID = meta.AttrUID, uint32(op.UID)
	}
	if op.GID >= 0 {
		c.Valid, c.GID = c.Valid|meta.AttrGID, uint32(op.GID)
	}
	if c.Valid == 0 {
		if err := e.engine.DropPrivileges(s.n.Ino); err != nil {
			return fail(errnoOf(err))
		}
	}
	return e.setAttr(s.n, c)
}

func (e *Engine) utimens(s spot, op Op) Result {
	var c meta.AttrChange
	at := func(t syscall.Timespec) int64 {
		if t.Nsec == unix.UTIME_NOW {
			return time.Now().UnixNano()
		}
		return t.Nano()
	}
	if op.Atime.Nsec != unix.UTIME_OMIT {
		c.Valid, c.Atime = meta.AttrAtime, at(op.Atime)
	}
	if op.Mtime.Nsec != unix.UTIME_OMIT {
		c.Valid, c.Mtime = c.Valid|meta.AttrMtime, at(op.Mtime)
	}
	return e.setAttr(s.n, c)
}

func (e *Engine) truncate(s spot, op Op) Result {
	switch {
	case s.n.Mode&meta.TypeMask == meta.TypeSymlink:
		return fail(unix.ENOENT)
	case s.n.IsDir():
		return fail(unix.EISDIR)
	case !s.n.IsRegular():
		return fail(unix.EINVAL)
	}
	return e.setAttr(s.n, meta.AttrChange{Valid: meta.AttrSize, Size: op.Off})
}

func (e *Engine) readdir(s spot, op Op) Result {
	if !s.n.IsDir() {
		return fail(unix.ENOTDIR)
	}
	names := []string{}
	var after meta.Place
	for {
		var list []meta.Entry
		err := e.engine.List(s.n.Ino, after, func(entry *meta.Entry) bool {
			list = append(list, *entry)
			return len(list) < int(op.N)
		})
		if err != nil {
			return fail(errnoOf(err))
		}
		for _, entry := range list {
			if err := e.believed(entry.Node, nil); err != nil {
				return fail(errnoOf(err))
			}
			names = append(names, Listed(string(entry.Name), entry.Node.Mode))
			after = entry.Place
		}
		if len(list) < int(op.N) {
			sort.Strings(names)
			return Result{Names: names}
		}
	}
}
