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

-- Where the ids of versions begin that one process gave out, and what the last one was
-- before. Ids between the two were never given out. An object of this volume that has
-- one of those, or names another life than this table has for its id, was written by
-- a life of the database that was lost when an older copy was put back.
CREATE TABLE life (
    first INTEGER NOT NULL PRIMARY KEY,
    had   INTEGER NOT NULL,
    token TEXT    NOT NULL
) STRICT;
