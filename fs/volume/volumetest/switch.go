package volumetest

import (
	"context"
	"path/filepath"

	"contentfs/fs/content"
	"contentfs/fs/control"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// Beside opens the volume's database for changes as a command does, beside the mount.
// close has the mount look at what was changed.
func (v *Volume) Beside() (m *meta.Store, close func()) {
	v.Helper()
	m, err := sqlite.Open(filepath.Join(v.Options.State, "meta.db"), sqlite.Options{MustExist: true})
	if err != nil {
		v.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	return m, func() {
		v.Helper()
		stop()
		if err := <-done; err != nil {
			v.Errorf("end of a command: %v", err)
		}
		if err := m.Close(); err != nil {
			v.Errorf("end of a command: %v", err)
		}
		v.Wake()
	}
}

// Wake has the mount look at what was changed in the database.
func (v *Volume) Wake() {
	v.Helper()
	c, err := control.Dial(v.Options.Socket)
	if err == nil {
		err = c.Wake(context.Background())
	}
	if err != nil {
		v.Errorf("wake: %v", err)
	}
}

// Switch throws the volume's switch, as the commands enable and disable do.
func (v *Volume) Switch(on bool) {
	v.Helper()
	m, closed := v.Beside()
	if err := content.SetOffloading(m, on); err != nil {
		v.Error(err)
	}
	closed()
}

// Stats counts what the volume's database knows.
func (v *Volume) Stats() meta.Stats {
	v.Helper()
	m, err := sqlite.Open(filepath.Join(v.Options.State, "meta.db"), sqlite.Options{ReadOnly: true})
	if err != nil {
		v.Fatal(err)
	}
	defer m.Close()
	st, err := m.Stats()
	if err != nil {
		v.Fatal(err)
	}
	return st
}
