package meta

import "io/fs"

// CommitRequest is content that becomes a version. The caller has synced the
// local file and its directory before.
type CommitRequest struct {
	Ino    Ino
	File   FileID
	Size   int64
	Mtime  int64 // of the local file, and of the node unless NodeMtime says otherwise
	Blocks int64 // of 512 bytes that the local file takes
	Now    int64 // no later than that the node was changed; the version's id in microseconds

	Atime     int64 // the node's, unless 0
	NodeMtime int64 // the node's, unless 0

	Class     int
	Open      bool  // a writer still holds the file
	Due       int64 // when to upload
	Relaxed   bool  // visible is enough
	ClearSUID bool  // drop the node's set-user-ID bit, and set-group-ID if executable
}

// Commit makes the content of a local file the current version of a node, queues
// its upload, and ends the file's draft if it was one. The version before is
// retired; if it was neither sent nor in the fallback nothing is left of it, and a
// local file of its own goes to the trash. The upload queue keeps its age. On a
// node without a name the new version is retired from the start and not queued.
// ErrNotExist if the node is gone; fs.ErrInvalid if it is no regular file.
// Durable, visible if Relaxed.
func (s *Store) Commit(r CommitRequest) (Version, error) {
	var v Version
	err := s.change(!r.Relaxed, func(t *tx) (err error) {
		v, err = t.commit(&r)
		return err
	})
	if err != nil {
		return Version{}, nodeErr("commit", r.Ino, err)
	}
	return v, nil
}

// Recommit is for a version whose local file was found changed, by a writer that a
// crash left behind or a mapping that outlived its descriptor: what is found
// becomes a version in its place, as Size, Mtime, Blocks and Now of r say; the rest
// is the version's. ErrSuperseded unless the version has its file and is its node's
// current one. Durable.
func (s *Store) Recommit(id VersionID, r CommitRequest) (Version, error) {
	var v Version
	err := s.durable(func(t *tx) error {
		old, err := getVersion(t, id)
		if err != nil {
			return err
		}
		n, err := getNode(t, old.Ino)
		if err != nil {
			return err
		}
		if old.File == "" || n.Version != id {
			return ErrSuperseded
		}
		v, err = t.commit(&CommitRequest{Ino: old.Ino, File: old.File, Size: r.Size, Mtime: r.Mtime, Blocks: r.Blocks,
			Now: r.Now, Class: old.Class, Due: r.Now})
		return err
	})
	if err != nil {
		return Version{}, versionErr("recommit", id, err)
	}
	return v, nil
}

func (t *tx) commit(r *CommitRequest) (Version, error) {
	n, err := getNode(t, r.Ino)
	if err != nil {
		return Version{}, err
	}
	if !n.IsRegular() || r.File == "" {
		return Version{}, fs.ErrInvalid
	}
	v := Version{ID: t.nextVersion(r.Now), Ino: r.Ino, Size: r.Size, Mtime: r.Mtime,
		Class: r.Class, Used: r.Now, File: r.File, Open: r.Open}
	since := r.Now
	if n.Nlink == 0 {
		v.Retired = r.Now
	}
	if n.Version != 0 {
		if since, err = t.supersede(&n, &v); err != nil {
			return Version{}, err
		}
	}
	if err := t.exec(`DELETE FROM draft WHERE file = $1`, r.File); err != nil {
		return Version{}, err
	}
	if err := t.insertVersion(&v); err != nil {
		return Version{}, err
	}
	if v.Retired == 0 {
		err := t.exec(`INSERT INTO upload (version, due, since) VALUES ($1, $2, $3)`, v.ID, r.Due, since)
		if err != nil {
			return Version{}, err
		}
	}
	r.applyTo(&n)
	n.Version = v.ID
	return v, t.updateNode(&n)
}

// applyTo gives the node the attributes of the content.
func (r *CommitRequest) applyTo(n *Node) {
	n.Size, n.Blocks, n.Mtime = r.Size, r.Blocks, r.Mtime
	// The write changed the node, not its commit, which may come much later.
	n.Ctime = max(n.Ctime, min(r.Mtime, r.Now))
	if r.NodeMtime != 0 {
		n.Mtime = r.NodeMtime
	}
	if r.Atime != 0 {
		n.Atime = r.Atime
	}
	if r.ClearSUID {
		n.Mode &^= modeSetUID
		if n.Mode&modeGroupExec != 0 {
			n.Mode &^= modeSetGID
		}
	}
}

// supersede makes room for v as the current version of n, and gives the time
// since when the node's content is not in S3.
func (t *tx) supersede(n *Node, v *Version) (since int64, err error) {
	now := v.Used
	old, err := getVersion(t, n.Version)
	if err != nil {
		return 0, err
	}
	since = now
	if queued, err := t.dequeue(old.ID); err != nil {
		return 0, err
	} else if queued != 0 {
		since = queued
	}
	if n.Nlink == 0 {
		v.Path = old.Path
	}
	if old.Remote == NotSent && old.Fallback == nil {
		return since, t.discard(&old, v.File, now)
	}
	if old.File == v.File {
		old.File = ""
	}
	if old.Retired == 0 {
		if old.Path, err = getPath(t, n.Ino); err != nil {
			return 0, err
		}
		old.Retired = now
	}
	return since, t.exec(`UPDATE version SET retired = $2, path = $3, file = $4, open = 0, `+ownersOfNode+` WHERE id = $1`,
		old.ID, old.Retired, old.Path, orNull(old.File))
}

// discard deletes the row of a version that is nowhere else. Its local file goes
// to the trash unless the next version keeps it.
func (t *tx) discard(old *Version, keep FileID, now int64) error {
	if err := t.exec(`DELETE FROM version WHERE id = $1`, old.ID); err != nil {
		return err
	}
	if old.File == "" || old.File == keep {
		return nil
	}
	return t.trash(old.File, now)
}

func (t *tx) insertVersion(v *Version) error {
	return t.exec(`INSERT INTO version (id, ino, size, retired, open, file, class, used, mtime, path)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		v.ID, v.Ino, v.Size, v.Retired, number(v.Open), orNull(v.File), v.Class, v.Used, v.Mtime, v.Path)
}
