package audit

import (
	"errors"
	"fmt"
	"io/fs"

	"contentfs/fs/local"
	"contentfs/meta"
)

// unknown compares the names in the local store with what is on record of others than
// versions, both ways.
func (x *Verification) unknown() error {
	ids, foreign, err := x.Files.List()
	if err != nil {
		return err
	}
	if foreign > 0 {
		x.finding("", fmt.Sprintf("%d files in the local store were not made by contentfs", foreign))
	}
	there := make(map[local.ID]bool, len(ids))
	for _, id := range ids {
		there[id] = true
	}
	const some = 1024
	for after := meta.FileID(""); ; {
		rows, err := x.Meta.Files(after, some)
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.File
			id := local.ID(row.File)
			if row.Kind != meta.FileVersion {
				x.r.Files++
			}
			if !there[id] && (row.Kind == meta.FileDraft || row.Kind == meta.FileQuarantined) && !x.came(id) {
				x.finding(row.File, "a file of the "+row.Kind.String()+" is on record and not there")
			}
			delete(there, id)
		}
		if len(rows) < some {
			break
		}
	}
	for id := range there {
		if _, err := x.Files.Stat(id); errors.Is(err, local.ErrNotRegular) {
			x.finding(meta.FileID(id), "something that is not a file lies in the local store; it is nothing of ours")
			continue
		}
		if !x.Mounted || x.stranger(id) {
			x.finding(meta.FileID(id), "a local file is not on record; the next start takes it into the quarantine")
		}
	}
	return nil
}

func (x *Verification) finding(file meta.FileID, why string) {
	x.r.Findings = append(x.r.Findings, Finding{Place: InLocal, Thing: string(file), Why: why})
}

// came reports whether a file may have come, or its record gone, while we looked.
func (x *Verification) came(id local.ID) bool {
	if !x.Mounted {
		return false
	}
	_, err := x.Files.Stat(id)
	return !errors.Is(err, fs.ErrNotExist)
}

// stranger reports whether a file of a mounted volume is none that lies ready, is being
// fetched, or went on record a moment ago.
func (x *Verification) stranger(id local.ID) bool {
	f, err := x.Files.Open(id)
	if err != nil {
		return false
	}
	defer f.Close()
	st, err := f.Stamp()
	who, werr := f.Identity()
	if err != nil || werr != nil || st.Size == 0 || who.Kind == local.Copy {
		return false
	}
	rows, err := x.Meta.Files(meta.FileID(id[:len(id)-1]), 2) // the first behind its name without the end
	for _, row := range rows {
		if local.ID(row.File) == id {
			return false
		}
	}
	free, uerr := f.Unused()
	return err == nil && uerr == nil && free
}
