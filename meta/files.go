package meta

// FileKind is what a local file is recorded as.
type FileKind int

const (
	// FileVersion holds the bytes of a version.
	FileVersion FileKind = iota
	// FileDraft is open for writing, or was when the store stopped.
	FileDraft
	// FileTrash is to be unlinked.
	FileTrash
	// FileQuarantined waits for a person.
	FileQuarantined
)

// String returns "version", "draft", "trash" or "quarantine".
func (k FileKind) String() string {
	switch k {
	case FileVersion:
		return "version"
	case FileDraft:
		return "draft"
	case FileTrash:
		return "trash"
	}
	return "quarantine"
}

// LocalFile is what the store knows of a file on this server.
type LocalFile struct {
	File    FileID
	Kind    FileKind
	Ino     Ino       // 0 for trash
	Version VersionID // whose bytes it holds; of a draft its base; else 0

	// Of a version only.
	Size   int64
	Mtime  int64 // when it was committed
	Open   bool
	Remote Remote
}

// Files lists up to limit local files behind the file after, by their ids:
// everything that has a right to be on this server. One call sees one moment.
func (s *Store) Files(after FileID, limit int) ([]LocalFile, error) {
	list, err := all(s.read, scanLocalFile, `
		SELECT file, 0, ino, id, size, mtime, open, remote FROM version WHERE file > $1
		UNION ALL SELECT file, 1, ino, base, 0, 0, 0, 0 FROM draft WHERE file > $1
		UNION ALL SELECT file, 2, 0, 0, 0, 0, 0, 0 FROM trash WHERE file > $1
		UNION ALL SELECT file, 3, ino, 0, 0, 0, 0, 0 FROM quarantine WHERE file > $1
		ORDER BY 1 LIMIT $2`, after, limit)
	return list, opErr("local files", err)
}

func scanLocalFile(row scanner) (LocalFile, error) {
	var f LocalFile
	err := row.Scan(&f.File, &f.Kind, &f.Ino, &f.Version, &f.Size, &f.Mtime, &f.Open, &f.Remote)
	return f, err
}

// Taken reports whether a local file that held the bytes of a version was opened for
// writing since: it is a draft or another version's, or in quarantine. One that was
// only thrown away is not taken.
func (s *Store) Taken(file FileID, from VersionID) (bool, error) {
	taken, err := exists(s.read, `SELECT 1 WHERE EXISTS (SELECT 1 FROM draft WHERE file = $1)
		OR EXISTS (SELECT 1 FROM version WHERE file = $1 AND id <> $2)
		OR EXISTS (SELECT 1 FROM quarantine WHERE file = $1)`, file, from)
	return taken, fileErr("use of", file, err)
}
