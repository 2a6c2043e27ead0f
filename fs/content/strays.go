package content

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"contentfs/fs/crash"
	"contentfs/meta"
)

// makeDirs makes the directories above a path, as the nodes of the volume are.
func (e *Engine) makeDirs(rel []byte) error {
	for i, c := range rel {
		if c != '/' {
			continue
		}
		if err := e.makeDir(rel[:i]); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) makeDir(rel []byte) error {
	dir, name, err := e.Fallback.parent(rel)
	if err != nil {
		return err
	}
	defer dir.Close()
	err = unix.Mkdirat(int(dir.Fd()), name, 0o700)
	if errors.Is(err, unix.EEXIST) {
		return nil // whether it is a directory shows in the next step
	}
	if err != nil {
		return fmt.Errorf("make %q in fallback: %w", rel, err)
	}
	crash.Here(crash.SettleDir)
	made, _, err := e.Fallback.parent(append(append([]byte{}, rel...), "/x"...))
	if err != nil {
		return err
	}
	defer made.Close()
	n, err := e.Meta.Resolve(append([]byte{'/'}, rel...))
	if gone(err) || errors.Is(err, meta.ErrUnseen) {
		return dir.Sync() // renamed meanwhile
	}
	if err == nil {
		err = dress(made, &n)
	}
	return errors.Join(err, dir.Sync())
}

// removeStray removes what a path holds that no version has, which is durable.
func (e *Engine) removeStray(s *meta.Stray) error {
	_, err := e.Meta.InFallback(s.Path)
	if err != nil && !gone(err) {
		return err
	}
	if gone(err) {
		if err := e.Fallback.remove(s.Path, s.Inode); err != nil {
			return err
		}
	}
	crash.Here(crash.StrayRemoved)
	return e.Meta.ForgetStray(s.Path)
}

// SweepStrays removes what lies in the fallback and belongs to nobody any more.
func (e *Engine) SweepStrays() error {
	const some = 256
	if e.Fallback == nil {
		return nil
	}
	e.placing.Lock()
	defer e.placing.Unlock()
	var after []byte
	var errs []error
	for {
		list, err := e.Meta.Strays(after, some)
		if err == nil && len(list) > 0 {
			err = e.certain()
		}
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for i := range list {
			after = list[i].Path
			if err := e.removeStray(&list[i]); err != nil {
				errs = append(errs, err)
			}
		}
		if len(list) < some {
			return errors.Join(errs...)
		}
	}
}
