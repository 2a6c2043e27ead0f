package rebuild

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// Health says what is the matter with the database that is there.
type Health string

// What a database can be.
const (
	Absent  Health = "missing"
	Damaged Health = "damaged"
	Healthy Health = "healthy"
)

// Examine looks at the volume's database, and says what is wrong with one that is
// damaged. Its error says that it cannot be told, meta.ErrTooNew among others. A
// rebuilding that a crash cut off after it was decided is finished before.
func (r *Rebuild) Examine(ctx context.Context) (h Health, why string, err error) {
	if err := sqlite.FinishReplacing(r.database()); err != nil {
		return "", "", err
	}
	_, err = os.Lstat(r.database())
	if errors.Is(err, fs.ErrNotExist) {
		return Absent, "", nil
	}
	if err != nil {
		return "", "", err
	}
	m, err := sqlite.Open(r.database(), sqlite.Options{ReadOnly: true})
	if errors.Is(err, meta.ErrTooOld) {
		return Healthy, "", nil // the next mount brings it up to date
	}
	var found []string
	if err == nil {
		found, err = m.Check(ctx)
		err = errors.Join(err, m.Close())
	}
	var path *fs.PathError
	switch {
	case ctx.Err() != nil:
		return "", "", ctx.Err()
	case errors.Is(err, meta.ErrTooNew), errors.As(err, &path):
		return "", "", err
	case err != nil:
		return Damaged, err.Error(), nil
	case len(found) > 0:
		return Damaged, found[0], nil
	}
	return Healthy, "", nil
}
