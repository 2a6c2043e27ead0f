package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"contentfs/meta"
)

// Settings of the volume.
const (
	recordSetting = "snapshot"        // a Record
	uploadSetting = "snapshot-upload" // key and id of an upload in parts, "" for none
)

// Record is what is on record of the newest copy.
type Record struct {
	Key     string         `json:"key,omitempty"` // "" when none was ever taken
	Bytes   int64          `json:"bytes,omitempty"`
	Taken   time.Time      `json:"taken,omitzero"`
	Ino     meta.Ino       `json:"ino,omitempty"`     // the volume's counters in the copy
	Version meta.VersionID `json:"version,omitempty"` // the same
	Owed    bool           `json:"owed,omitempty"`    // something was changed since
}

// ParseRecord reads what is on record, "" for nothing.
func ParseRecord(text string) (r Record, err error) {
	if text == "" {
		return r, nil
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Record{}, fmt.Errorf("record of the newest copy of the metadata: %w", err)
	}
	return r, nil
}

func load(m *meta.Store) (Record, error) {
	text, err := m.Setting(recordSetting)
	if err != nil && !errors.Is(err, meta.ErrNotExist) {
		return Record{}, err
	}
	return ParseRecord(text)
}

func (t *Taker) store(r *Record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return t.set(recordSetting, string(b))
}

// set stores a setting, which is no reason for another copy.
func (t *Taker) set(key, value string) error {
	err := t.Meta.SetSetting(key, value)
	if err == nil {
		t.own++
	}
	return err
}
