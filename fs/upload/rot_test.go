package upload

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"contentfs/backend"
	"contentfs/backend/fault"
	"contentfs/meta"
)

// TestRotBeforeUpload: content whose bytes changed on the disk between two attempts is
// lost and not sent; where the first attempt arrived after all, it is safe.
func TestRotBeforeUpload(t *testing.T) {
	for name, rule := range map[string]fault.Rule{
		"lost":    {Op: fault.Put, Times: 1, Fail: true, Class: backend.Transient},
		"arrived": {Op: fault.Put, Times: 1, Lose: true, Class: backend.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, 0)
			e.log.expect("upload failed")
			e.store.Add(rule)
			// Nothing more is sent before the file is what it is to be.
			calls := e.store.Add(fault.Rule{Op: fault.Stat, Fail: true, Class: backend.Transient})
			v := e.write("f", "content")
			e.start()
			e.awaitFailed(v, 1)
			path := filepath.Join(e.dir, "local", string(v.File))
			fi, err := os.Stat(path)
			e.must(err)
			e.must(os.WriteFile(path, []byte("CONTENT"), 0o600))
			e.must(os.Chtimes(path, time.Time{}, fi.ModTime()))
			e.awaitFailed(v, 2) // while nobody can tell what arrived, nothing is decided
			if w := e.current("f"); w.File != v.File {
				t.Fatalf("given up too early: %+v", w)
			}
			if name == "lost" {
				e.log.expect("content is lost on this server")
			} else {
				e.log.expect("it will be fetched again")
			}
			calls()
			_ = e.meta.Postpone(v.ID, 0) // unless it came by itself
			e.up.Wake()
			e.await("the end of it", func() bool { return e.current("f").File == "" })
			st, err := e.meta.Stats()
			e.must(err)
			if name == "lost" {
				if st.Nowhere.Number != 1 || st.Quarantined != 1 || st.Queue.Number != 0 || len(e.store.keys()) != 1 {
					t.Errorf("%+v, sent %q", st, e.store.keys())
				}
				return
			}
			if w := e.current("f"); w.Remote != meta.Stored || st.Queue.Number != 0 || st.Nowhere.Number != 0 {
				t.Errorf("%+v, %+v", w, st)
			}
			e.wantObject(e.current("f").Key, "content")
		})
	}
}
