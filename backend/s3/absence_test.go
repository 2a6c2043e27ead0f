package s3

import (
	"net/http"
	"strings"
	"testing"

	"contentfs/backend"
	bt "contentfs/backend/backendtest"
)

// TestAbsenceIsConfirmed: a bare 404 is an absence only when the bucket is there.
func TestAbsenceIsConfirmed(t *testing.T) {
	for _, name := range []string{"get", "stat"} {
		op := operations[name]
		t.Run(name, func(t *testing.T) {
			f := &fakeStore{}
			s, faults := newFake(t, f)
			bt.WantClass(t, op.run(s, t.Context()), backend.Absent)

			object := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/k") }
			faults.Script(object, -1, bt.ErrorReply(404, "", ""))
			bt.WantClass(t, op.run(s, t.Context()), backend.Absent)

			bucket := func(r *http.Request) bool { return !object(r) }
			for _, c := range []struct {
				status int
				want   backend.Class
			}{{500, backend.Transient}, {403, backend.Denied}, {404, backend.Missing}} {
				faults.Clear()
				faults.Script(object, -1, bt.ErrorReply(404, "", ""))
				faults.Script(bucket, -1, bt.ErrorReply(c.status, "", ""))
				bt.WantClass(t, op.run(s, t.Context()), c.want)
			}
			faults.Clear()
			f.removeBucket()
			bt.WantClass(t, op.run(s, t.Context()), backend.Missing)
		})
	}
}

func TestRegionIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		reply  bt.Reply
		region string
	}{
		"redirect with a body":   {bt.ErrorReply(301, "PermanentRedirect", "The bucket is elsewhere.", "x-amz-bucket-region", "eu-central-1"), "eu-central-1"},
		"bad request, no body":   {bt.ErrorReply(400, "", "", "x-amz-bucket-region", "eu-west-3"), "eu-west-3"},
		"malformed, by its text": {bt.ErrorReply(400, "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-north-1'"), "eu-north-1"},
	} {
		t.Run(name, func(t *testing.T) {
			s, faults := newFake(t, &fakeStore{})
			faults.Script(nil, -1, c.reply)
			_, statErr := s.Stat(t.Context(), "k")
			for _, err := range []error{s.CheckBucket(t.Context()), statErr} {
				bt.WantClass(t, err, backend.Missing)
				if !strings.Contains(err.Error(), c.region) {
					t.Errorf("no %s in %v", c.region, err)
				}
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	s := openAt(t, "http://127.0.0.1:1", "AK", "SK", 0)
	for name, op := range operations {
		err := op.run(s, t.Context())
		if err == nil || backend.ClassOf(err) != backend.Transient {
			t.Errorf("%s: %v", name, err)
		}
	}
}
