package meta

// VolumeID gives the volume's id, made when the database was.
func (s *Store) VolumeID() string { return s.volume }

// Setting gives a setting of the volume. ErrNotExist.
func (s *Store) Setting(key string) (string, error) {
	var value string
	err := one(s.read.row(`SELECT value FROM setting WHERE key = $1`, key), &value)
	return value, pathErr("setting", []byte(key), err)
}

// SetSetting stores a setting of the volume. Durable.
func (s *Store) SetSetting(key, value string) error {
	err := s.durable(func(t *tx) error {
		return t.exec(`INSERT INTO setting (key, value) VALUES ($1, $2)
			ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	})
	return pathErr("set setting", []byte(key), err)
}
