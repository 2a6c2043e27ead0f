package main_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"contentfs/cmd/contentfs/internal/life"
)

// checkLine is the command line of a check of the volume's store.
func checkLine(v *life.Volume, more ...string) []string {
	return slices.Concat([]string{"check"}, v.Store(), more, []string{v.Name})
}

// replaced returns an environment with one variable changed.
func replaced(env []string, name, value string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(s string) bool { return strings.HasPrefix(s, name+"=") })
	return append(env, name+"="+value)
}

func TestCheckOnARealStore(t *testing.T) {
	v := start(t)
	want(t, v.Run(checkLine(v)...), 0, "the bucket can be used", "credentials", "accepted", "the same bytes")
	var j struct {
		Volume, Bucket, Verdict string
		Findings                []struct{ Step, Outcome, Detail, Remedy string }
	}
	r := v.Run(checkLine(v, "--format", "json")...)
	if err := errors.Join(r.Want(0), r.JSON(&j)); err != nil {
		t.Error(err)
	} else if j.Bucket != life.Bucket || len(j.Findings) != 8 || !strings.Contains(j.Verdict, "can be used") {
		t.Errorf("%+v", j)
	}
	right := v.Env
	v.Env = replaced(right, "AWS_SECRET_ACCESS_KEY", "wrong")
	want(t, v.Run(checkLine(v)...), 3, "SignatureDoesNotMatch", "try: another secret key", "cannot be used")
	v.Env = replaced(right, "AWS_ACCESS_KEY_ID", "WRONG")
	want(t, v.Run(checkLine(v)...), 3, "No user exists with the provided access key", "try: AWS_ACCESS_KEY_ID")
	v.Env = right
	want(t, v.Run(checkLine(v, "--bucket", "no-such-bucket")...), 3, "no-such-bucket", "try: the right --bucket", "--create-bucket")
	want(t, v.Run(checkLine(v, "--region", "eu-central-1")...), 3, "try: --region")
	v.Gateway.Stop()
	want(t, v.Run(checkLine(v)...), 4, "refused", "a mount works meanwhile")
	v.Gateway.Start(t)
	want(t, v.Run(checkLine(v, "--bucket", "made-by-check", "--create-bucket")...), 0, "created", "can be used")
}

// TestWrongCredentialsLoseNothing: the mount works, says what is wrong, and sends
// everything once it is right.
func TestWrongCredentialsLoseNothing(t *testing.T) {
	v := start(t)
	v.Log.Expect("the store is away", "not everything is in S3", "upload failed")
	right := v.Env
	v.Env = replaced(right, "AWS_SECRET_ACCESS_KEY", "wrong")
	v.Mount("--drain-deadline", "1s")
	v.Write("uid/file/a.pdf", []byte("content"))
	v.Await("the finding that S3 refuses", func() bool {
		st := v.Status()
		return st.S3 != nil && st.S3.Known && !st.S3.Reachable && strings.Contains(st.S3.Error, "SignatureDoesNotMatch")
	})
	if code := v.Terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	v.Env = right
	v.Mount()
	if u := v.Unmount(); u.Pending != 0 {
		t.Errorf("%+v", u)
	}
	auditVolume(t, v, openBucket(t, v))
}

// TestMissingBucket: a bucket is made only when it is asked for.
func TestMissingBucket(t *testing.T) {
	v := start(t)
	v.Log.Expect("the store is away", "not everything is in S3", "upload failed")
	v.Args = []string{"--bucket", "not-there-yet"}
	v.Mount("--drain-deadline", "1s")
	v.Write("uid/file/a.pdf", []byte("content"))
	v.Await("the finding that the bucket is missing", func() bool {
		st := v.Status()
		return st.S3.Known && !st.S3.Reachable && strings.Contains(st.S3.Error, "NoSuchBucket") ||
			strings.Contains(st.Counts.LastError, "NoSuchBucket")
	})
	v.Terminate()
	v.Mount("--create-bucket")
	if u := v.Unmount(); u.Pending != 0 {
		t.Errorf("%+v", u)
	}
}

// TestStoreAway: a mount needs no S3.
func TestStoreAway(t *testing.T) {
	v := start(t)
	v.Log.Expect("the store is away")
	v.Gateway.Stop()
	v.Mount()
	v.Write("uid/file/a.pdf", []byte("content"))
	if got := string(v.Read("uid/file/a.pdf")); got != "content" {
		t.Errorf("read %q", got)
	}
	v.Await("the finding that S3 is away", func() bool { st := v.Status(); return st.S3.Known && !st.S3.Reachable })
	want(t, v.Run("status", "--state", v.State, v.Name), 0, "not reachable since", "1 waiting")
	v.Gateway.Start(t)
	v.Await("the upload", func() bool { return v.Status().Counts.Waiting.Count == 0 })
	v.Unmount()
}
