package life

import (
	"encoding/json"
	"time"
)

// TryMount starts a daemon that may refuse to mount. It returns whether the mount
// answers; if not, the exit code of the program and what it wrote to stderr.
func (v *Volume) TryMount(more ...string) (ok bool, code int, stderr string) {
	v.T.Helper()
	before := len(v.Log.read())
	d, err := v.start(more)
	if err != nil {
		v.T.Fatal(err)
	}
	v.daemon = d
	select {
	case line := <-d.line:
		var r Ready
		if json.Unmarshal([]byte(line), &r) == nil {
			return true, 0, ""
		}
	case <-time.After(Limit):
		v.T.Fatalf("neither a mount nor a refusal after %v; the log:\n%s", Limit, v.Log.Tail())
	}
	code = v.Exit()
	return false, code, string(v.Log.read()[before:])
}
