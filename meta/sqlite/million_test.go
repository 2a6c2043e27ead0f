package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"testing"

	sqlite3 "github.com/mattn/go-sqlite3"

	"contentfs/meta"
)

// millionRows fills a volume with a thousand directories of a thousand files. A
// quarter of them is here only and queued, a quarter here and in S3, the rest in S3
// alone.
var millionRows = []string{
	`CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999999) SELECT i FROM n`,
	`INSERT INTO node (ino, mode, uid, gid, nlink, rdev, size, atime, mtime, ctime, parent)
		SELECT i + 2, 16877, 0, 0, 2, 0, 0, 0, 0, 0, 1 FROM n WHERE i < 1000`,
	`INSERT INTO name (parent, place, name, ino) SELECT 1, place(printf('d%03d', i)), CAST(printf('d%03d', i) AS BLOB), i + 2
		FROM n WHERE i < 1000`,
	`UPDATE node SET nlink = 1002 WHERE ino = 1`,
	`INSERT INTO node (ino, mode, uid, gid, nlink, rdev, size, atime, mtime, ctime, version)
		SELECT i + 2000, 33188, 0, 0, 1, 0, 100000, 0, 0, 0, i + 1 FROM n`,
	`INSERT INTO name (parent, place, name, ino) SELECT i / 1000 + 2, place(printf('tanning-bed-%03d.jpg', i % 1000)),
		CAST(printf('tanning-bed-%03d.jpg', i % 1000) AS BLOB), i + 2000 FROM n`,
	`INSERT INTO version (id, ino, size, remote, file, class, used, mtime, sha256, bucket, prefix, key, etag)
		SELECT i + 1, i + 2000, 100000, iif(i % 4 = 0, 0, 2), iif(i % 4 < 2, printf('%032x', i), NULL), i % 3, i * 7919 % 1000003, 0,
			randomblob(32), iif(i % 4 = 0, '', 'bucket'), iif(i % 4 = 0, '', 'media'),
			iif(i % 4 = 0, '', printf('media/003d34b5ba832f753ad91a6cdac1921f_%d_image_large_tanning-bed.jpg', i)),
			iif(i % 4 = 0, '', '"d41d8cd98f00b204e9800998ecf8427e"') FROM n`,
	`INSERT INTO upload (version, due, since) SELECT i + 1, i, i FROM n WHERE i % 4 = 0`,
	`UPDATE counter SET last_ino = 2000000, last_version = 2000000`,
	`DROP TABLE n`,
}

// filled makes a database and gives it rows in bulk. In the statements, place is that
// of a name.
func filled(b *testing.B, statements []string) (path string) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "meta.db")
	s := must(Open(path, Options{}))(b)
	defer s.Close()
	db := sql.OpenDB(placing{connector{path: path}, func(name string) int64 { return int64(s.Place([]byte(name))) }})
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			b.Fatal(err)
		}
	}
	return path
}

// placing opens connections that know places.
type placing struct {
	connector
	place func(name string) int64
}

func (p placing) Connect(context.Context) (driver.Conn, error) {
	d := sqlite3.SQLiteDriver{ConnectHook: func(conn *sqlite3.SQLiteConn) error {
		if err := p.configure(conn); err != nil {
			return err
		}
		return conn.RegisterFunc("place", p.place, true)
	}}
	return d.Open(p.dsn())
}

// BenchmarkMillion is what must not take longer when there is much.
func BenchmarkMillion(b *testing.B) {
	path := filled(b, millionRows)
	b.Run("Open", func(b *testing.B) {
		for b.Loop() {
			s := must(Open(path, Options{}))(b)
			run(b, s)()
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("OpenAfterCrash", func(b *testing.B) { // reads all of it from the disk
		for b.Loop() {
			if err := must(Open(path, Options{}))(b).Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	s := openAt(b, path, Options{})
	run(b, s)
	b.Run("Stats", func(b *testing.B) {
		for b.Loop() {
			must(s.Stats())(b)
		}
	})
	b.Run("LocalBytes", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := s.LocalBytes(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("EvictionCandidates100", func(b *testing.B) {
		var after *meta.Version
		for b.Loop() {
			list := must(s.EvictionCandidates(100, after))(b)
			if after = nil; len(list) > 0 {
				after = &list[len(list)-1]
			}
		}
	})
	b.Run("DueUploads100", func(b *testing.B) {
		for b.Loop() {
			must(s.DueUploads(1e9, nil, 100))(b)
		}
	})
	b.Run("Files1000", func(b *testing.B) {
		var after meta.FileID
		for b.Loop() {
			list := must(s.Files(after, 1000))(b)
			if after = ""; len(list) > 0 {
				after = list[len(list)-1].File
			}
		}
	})
	b.Run("Sending", func(b *testing.B) {
		for b.Loop() {
			must(s.Sending(0, 100))(b)
		}
	})
}
