package main

import (
	"errors"
	"path/filepath"

	"contentfs/meta"
)

// remedyNotAsLeft says what to do about a database that is not as contentfs left it; ""
// for any other error.
func remedyNotAsLeft(cfg *config, err error) string {
	if !meta.NotAsLeft(err) {
		return ""
	}
	rebuild := "contentfs rebuild " + cfg.name + ", which makes the database anew from the bucket and the local files"
	switch {
	case errors.Is(err, meta.ErrLogForeign):
		return "move " + cfg.database() + "-wal to another folder, and mount again"
	case errors.Is(err, meta.ErrMark):
		return rebuild + "; or, if the database is known to be the last one, move " + cfg.database() + "-mark to another folder"
	case errors.Is(err, meta.ErrOther):
		return "put the database of this volume back into " + filepath.Dir(cfg.database()) + ", or another --state"
	}
	return "put the last " + databaseName + " and " + databaseName + "-wal back if you have them; else " + rebuild
}
