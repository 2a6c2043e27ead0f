package meta

// Privileges counts what DropPrivileges took.
type Privileges struct {
	Files   int64 // with a set-user-id or set-group-id bit, or with capabilities
	Devices int64 // with the number of a device
}

// DropPrivileges takes from all files what gives whoever runs them another's rights,
// and from device files the device: for metadata that come from where others may have
// written them. Set-group-id bits without the group's execute bit mean no privilege and
// stay. Durable.
func (s *Store) DropPrivileges(now int64) (p Privileges, err error) {
	err = s.durable(func(t *tx) error {
		for _, step := range []struct {
			count *int64
			query string
		}{
			{&p.Files, `UPDATE node SET mode = mode & ~(2048 + CASE WHEN mode & 1032 = 1032 THEN 1024 ELSE 0 END), ctime = $1
				WHERE mode & 61440 = 32768 AND (mode & 2048 <> 0 OR mode & 1032 = 1032)`},
			{&p.Devices, `UPDATE node SET rdev = 0, ctime = $1 WHERE mode & 61440 IN (8192, 24576) AND rdev <> 0`},
		} {
			n, err := t.affected(step.query, now)
			if err != nil {
				return err
			}
			*step.count += n
		}
		n, err := t.affected(`DELETE FROM xattr WHERE name = $1`, []byte("security.capability"))
		p.Files += n
		return err
	})
	return p, opErr("drop privileges", err)
}
