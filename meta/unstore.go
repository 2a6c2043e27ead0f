package meta

import (
	"errors"
	"strconv"
)

// Unstore puts on record that the objects of versions are not there. What is on this
// server or in the fallback besides is what is left of them; a current version that is
// on this server is queued, one that is nowhere is lost, a retired one of which
// nothing remains is forgotten. ErrSuperseded if one is not stored. Durable.
func (s *Store) Unstore(list []VersionID, why string, now int64) error {
	err := s.durable(func(t *tx) error {
		for _, id := range list {
			if err := t.unstore(id, why, now); err != nil {
				return versionErr("take the object from", id, err)
			}
		}
		return nil
	})
	return opErr("unstore", err)
}

func (t *tx) unstore(id VersionID, why string, now int64) error {
	v, err := t.changing(id)
	if err != nil {
		return err
	}
	if _, err := t.dequeue(id); err != nil {
		return err
	}
	err = t.must(ErrSuperseded, `UPDATE version SET remote = 0, bucket = '', prefix = '', key = '', etag = '', upload_id = '',
		private = 0 WHERE id = $1 AND remote = 2`, id)
	switch {
	case err != nil:
		return err
	case v.Retired != 0:
		return t.forget(id)
	case v.File == "" && v.Fallback == nil:
		return t.exec(`UPDATE version SET lost = $2, lost_at = $3 WHERE id = $1`, id, why, now)
	}
	return t.requeue(id)
}

// rebuiltSetting holds when the metadata were rebuilt, in nanoseconds since 1970.
const rebuiltSetting = "rebuilt"

// SetRebuilt records when the metadata were rebuilt. Durable.
func (s *Store) SetRebuilt(now int64) error {
	return s.SetSetting(rebuiltSetting, strconv.FormatInt(now, 10))
}

// Rebuilt tells when the metadata were rebuilt last, 0 if they never were.
func (s *Store) Rebuilt() (int64, error) {
	text, err := s.Setting(rebuiltSetting)
	if errors.Is(err, ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	at, err := strconv.ParseInt(text, 10, 64)
	return at, opErr("time of the rebuild", err)
}
