package control

import (
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzControlRequest: whatever arrives, the parser answers with an error or
// with a request that it would have written itself.
func FuzzControlRequest(f *testing.F) {
	for _, s := range []string{
		`{"verb":"status"}`, `{"verb":"drain"}`, `{"verb":"unmount","drain":true}`,
		`{"VERB":"drain","verb":"status"}`, `{"verb":"status"} x`, `null`, `[]`, ``, "\xff",
		`{"verb":"unmount","drain":1e9}`, `{"verb":"\u0073tatus"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := parseRequest(line)
		if err != nil {
			if r != (request{}) {
				t.Fatalf("%q: %v, and yet %+v", line, err, r)
			}
			return
		}
		if r.Verb != verbStatus && r.Verb != verbDrain && r.Verb != verbWake && r.Verb != verbUnmount {
			t.Fatalf("%q: verb %q", line, r.Verb)
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseRequest(b)
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%q reads %+v, written as %q reads %+v, %v", line, r, b, again, err)
		}
	})
}
