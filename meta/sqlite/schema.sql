-- Schema 3 of a contentfs volume. Times are nanoseconds since 1970 in UTC,
-- names, targets and paths are bytes. What the rows promise each other is in
-- the documentation of package meta and verified by Store.Check.

-- Facts about the volume itself, by name. 'volume' is its id, for ever.
CREATE TABLE setting (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The last numbers given out, so that none is ever given twice. syncs changes
-- with every durable transaction: it gives each of them something to write.
CREATE TABLE counter (
    id           INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    last_ino     INTEGER NOT NULL,
    last_version INTEGER NOT NULL,
    syncs        INTEGER NOT NULL
) STRICT;

CREATE TABLE node (
    ino     INTEGER NOT NULL PRIMARY KEY,
    mode    INTEGER NOT NULL,            -- st_mode: type and permissions
    uid     INTEGER NOT NULL,
    gid     INTEGER NOT NULL,
    nlink   INTEGER NOT NULL CHECK (nlink >= 0),
    rdev    INTEGER NOT NULL,
    size    INTEGER NOT NULL CHECK (size >= 0),
    blocks  INTEGER NOT NULL DEFAULT 0,  -- of 512 bytes, when it was committed
    atime   INTEGER NOT NULL,
    mtime   INTEGER NOT NULL,
    ctime   INTEGER NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,  -- current version, 0: never committed
    parent  INTEGER NOT NULL DEFAULT 0,  -- of a directory, else 0
    target  BLOB,                        -- of a symlink
    origin  BLOB                         -- directory of the fallback whose names are still to be taken in
) STRICT;

-- Nodes without a name, which wait to be forgotten.
CREATE INDEX node_orphan ON node (ino) WHERE nlink = 0;

-- Directories whose names are still to be taken in.
CREATE INDEX node_origin ON node (ino) WHERE origin IS NOT NULL;

-- place is a hash of the name, and the order in which directories are listed.
CREATE TABLE name (
    parent INTEGER NOT NULL REFERENCES node (ino),
    place  INTEGER NOT NULL,
    name   BLOB    NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    ino    INTEGER NOT NULL REFERENCES node (ino),
    PRIMARY KEY (parent, place, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX name_ino ON name (ino);

CREATE TABLE xattr (
    ino   INTEGER NOT NULL REFERENCES node (ino),
    name  BLOB    NOT NULL,
    value BLOB    NOT NULL,
    PRIMARY KEY (ino, name)
) STRICT, WITHOUT ROWID;

-- Every content that was ever committed and is still somewhere, or is current.
CREATE TABLE version (
    id        INTEGER NOT NULL PRIMARY KEY,
    ino       INTEGER NOT NULL,              -- outlives the node
    size      INTEGER NOT NULL CHECK (size >= 0),
    retired   INTEGER NOT NULL DEFAULT 0,    -- 0 while current
    remote    INTEGER NOT NULL DEFAULT 0 CHECK (remote IN (0, 1, 2)),
    open      INTEGER NOT NULL DEFAULT 0 CHECK (open IN (0, 1)),
    file      TEXT,                          -- local file, NULL: not here
    class     INTEGER NOT NULL DEFAULT 0,
    used      INTEGER NOT NULL,
    mtime     INTEGER NOT NULL,
    fallback  BLOB,
    sha256    BLOB,
    bucket    TEXT NOT NULL DEFAULT '',
    prefix    TEXT NOT NULL DEFAULT '',
    key       TEXT NOT NULL DEFAULT '',
    etag      TEXT NOT NULL DEFAULT '',
    upload_id TEXT NOT NULL DEFAULT '',
    path      BLOB,                          -- where it was when it was retired
    lost      TEXT,                          -- why the bytes are not where they should be
    lost_at   INTEGER,
    private   INTEGER NOT NULL DEFAULT 0 CHECK (private IN (0, 1)), -- the object is not for everybody
    mode      INTEGER NOT NULL DEFAULT 0,    -- the node's mode and owners when it was retired; 0: not known
    uid       INTEGER NOT NULL DEFAULT 0,
    gid       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX version_file ON version (file) WHERE file IS NOT NULL;
CREATE UNIQUE INDEX version_key ON version (key, bucket) WHERE key <> '';
CREATE INDEX version_ino ON version (ino);
CREATE INDEX version_sending ON version (id) WHERE remote = 1;
CREATE INDEX version_retired ON version (path) WHERE retired <> 0;
CREATE INDEX version_grace ON version (retired) WHERE retired <> 0;
CREATE UNIQUE INDEX version_fallback ON version (fallback) WHERE fallback IS NOT NULL;
CREATE INDEX version_sha256 ON version (sha256) WHERE remote = 2;

-- What may leave this server, in the order in which it leaves. The condition
-- and the first column are repeated, word for word, by the queries that use it.
CREATE INDEX version_evictable ON version ((CASE WHEN retired = 0 THEN 1 ELSE 0 END), class, used, id, size)
    WHERE file IS NOT NULL AND (open = 0 AND (remote = 2 OR retired <> 0 OR fallback IS NOT NULL));

-- Local files open for writing; base is the version they began from, 0 for none.
-- They are few, and come and go with every file: an index by node would cost more
-- than it saves, and so would a reference that is looked for without one.
CREATE TABLE draft (
    file TEXT    NOT NULL PRIMARY KEY,
    ino  INTEGER NOT NULL,
    base INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Current versions on their way to where they belong.
CREATE TABLE upload (
    version   INTEGER NOT NULL PRIMARY KEY REFERENCES version (id),
    due       INTEGER NOT NULL,
    since     INTEGER NOT NULL,
    attempts  INTEGER NOT NULL DEFAULT 0,
    error     TEXT,                          -- of the last failure
    failed    INTEGER,                       -- when that was
    goal      INTEGER NOT NULL DEFAULT 0 CHECK (goal IN (0, 1, 2, 3)), -- rules decide, S3, fallback, another key
    held      TEXT,                          -- why it stays on this server for now
    to_bucket TEXT NOT NULL DEFAULT '',      -- with another key: where that is
    to_prefix TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX upload_due ON upload (due);

-- Local files that nothing points to any more, until they are unlinked.
CREATE TABLE trash (
    file  TEXT    NOT NULL PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Local files with content that was never committed, kept for a person to judge.
CREATE TABLE quarantine (
    file   TEXT    NOT NULL PRIMARY KEY,
    ino    INTEGER NOT NULL,
    path   BLOB,
    reason TEXT    NOT NULL,
    since  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys under which an object may exist that no version points to.
CREATE TABLE lost_object (
    bucket TEXT    NOT NULL,
    key    TEXT    NOT NULL,
    since  INTEGER NOT NULL,
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;

-- Paths in the fallback that may hold what nobody refers to: to be unlinked if
-- the file there still is that inode and no version has it.
CREATE TABLE stray (
    path  BLOB    NOT NULL PRIMARY KEY,
    inode INTEGER NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Names that another process than the mount's changed, for the mount to tell the
-- kernel.
CREATE TABLE alteration (
    id     INTEGER NOT NULL PRIMARY KEY,
    parent INTEGER NOT NULL,
    name   BLOB    NOT NULL
) STRICT;

-- Objects in a bucket that no row knows, as a listing showed them; seen is when that
-- was for the first time, listed for the last, both by the store's clock.
CREATE TABLE orphan (
    bucket TEXT    NOT NULL,
    key    TEXT    NOT NULL,
    etag   TEXT    NOT NULL,
    seen   INTEGER NOT NULL,
    listed INTEGER NOT NULL,
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;

-- Where the ids of versions begin that one process gave out, and what the last one was
-- before. Ids between the two were never given out. An object of this volume that has
-- one of those, or names another life than this table has for its id, was written by
-- a life of the database that was lost when an older copy was put back.
CREATE TABLE life (
    first INTEGER NOT NULL PRIMARY KEY,
    had   INTEGER NOT NULL,
    token TEXT    NOT NULL
) STRICT;
