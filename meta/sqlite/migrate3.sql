-- From schema 2 to schema 3.
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

-- Ids of versions that this database never gave out: they lie between those of one
-- process and the next. An object of this volume with such an id is of a life of
-- the database that was lost when an older copy was put back.
CREATE TABLE unissued (
    first INTEGER NOT NULL PRIMARY KEY,
    last  INTEGER NOT NULL
) STRICT;
