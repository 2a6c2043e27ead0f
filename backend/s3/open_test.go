package s3

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"contentfs/backend"
	bt "contentfs/backend/backendtest"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// cleanEnv hides the machine's own AWS settings.
func cleanEnv(t *testing.T) {
	for _, v := range (&bt.Gateway{AccessKey: "AK", SecretKey: "SK"}).Env() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_PROFILE", "")
}

func TestURL(t *testing.T) {
	cleanEnv(t)
	const key, escaped = "p/a b+c%20ä~_-.jpg/../x?y#z", "p/a%20b%2Bc%2520%C3%A4~_-.jpg/%2E%2E/x%3Fy%23z"
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Bucket: "bkt", Region: "eu-central-1"}, "https://bkt.s3.eu-central-1.amazonaws.com/"},
		{Config{Bucket: "bkt", Region: "us-east-1"}, "https://bkt.s3.us-east-1.amazonaws.com/"},
		{Config{Bucket: "bkt", Region: "cn-north-1"}, "https://bkt.s3.cn-north-1.amazonaws.com.cn/"},
		{Config{Bucket: "a.dotted", Region: "eu-central-1"}, "https://s3.eu-central-1.amazonaws.com/a.dotted/"},
		{Config{Bucket: "bkt", Region: "eu-central-1", PathStyle: true}, "https://s3.eu-central-1.amazonaws.com/bkt/"},
		{Config{Bucket: "bkt", Endpoint: "http://127.0.0.1:7070", PathStyle: true}, "http://127.0.0.1:7070/bkt/"},
		{Config{Bucket: "bkt", Endpoint: "https://store.example/", PathStyle: true}, "https://store.example/bkt/"},
		{Config{Bucket: "bkt", Endpoint: "https://store.example"}, "https://bkt.store.example/"},
	} {
		s, err := Open(t.Context(), c.cfg)
		if err != nil {
			t.Errorf("%+v: %v", c.cfg, err)
			continue
		}
		if got := s.URL(key); got != c.want+escaped {
			t.Errorf("%+v: %s\nwant %s", c.cfg, got, c.want+escaped)
		}
	}
}

// TestURLIsWhereRequestsGo compares URL with what the SDK sends.
func TestURLIsWhereRequestsGo(t *testing.T) {
	cleanEnv(t)
	for _, cfg := range []Config{
		{Bucket: "bkt", Region: "eu-central-1"},
		{Bucket: "a.dotted", Region: "eu-central-1"},
		{Bucket: "bkt", Endpoint: "http://127.0.0.1:7070", PathStyle: true},
		{Bucket: "bkt", Endpoint: "https://store.example"},
	} {
		for _, key := range []string{"k", "a b+c%20ä", "p//x/", "?#&=;:@!$'()*,[]"} {
			var sent *url.URL
			cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				sent = r.URL
				return nil, errStalled // which is not repeated
			})
			s, err := Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Stat(t.Context(), key)
			if !errors.Is(err, errStalled) || sent.String() != s.URL(key) {
				t.Errorf("URL %s, sent to %v, %v", s.URL(key), sent, err)
			}
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOpenRefuses(t *testing.T) {
	cleanEnv(t)
	const secret = "hunter2"
	for name, cfg := range map[string]Config{
		"no bucket":            {Region: "us-east-1"},
		"no region":            {Bucket: "b"},
		"endpoint no URL":      {Bucket: "b", Endpoint: "127.0.0.1:7070"},
		"endpoint of a file":   {Bucket: "b", Endpoint: "file:///x"},
		"password in endpoint": {Bucket: "b", Endpoint: "https://me:" + secret + "@store.example"},
		"broken endpoint":      {Bucket: "b", Endpoint: "https://me:" + secret + "@store.example:port"},
	} {
		_, err := Open(t.Context(), cfg)
		if err == nil || backend.ClassOf(err) != backend.Invalid || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRegionFromTheEnvironment(t *testing.T) {
	cleanEnv(t)
	t.Setenv("AWS_REGION", "ap-south-1")
	for endpoint, want := range map[string]string{"": "ap-south-1", "http://127.0.0.1:1": "ap-south-1"} {
		s, err := Open(t.Context(), Config{Bucket: "b", Endpoint: endpoint})
		if err != nil || s.region != want {
			t.Errorf("%v, %v", s, err)
		}
	}
	t.Setenv("AWS_REGION", "")
	s, err := Open(t.Context(), Config{Bucket: "b", Endpoint: "http://127.0.0.1:1"})
	if err != nil || s.region != "us-east-1" {
		t.Errorf("%v, %v", s, err)
	}
}

// TestNoCredentials: an empty chain is Denied, and nothing is sent unsigned.
func TestNoCredentials(t *testing.T) {
	cleanEnv(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	sent := false
	s, err := Open(t.Context(), Config{Bucket: "b", Region: "us-east-1", Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		sent = true
		return nil, errors.New("sent")
	})})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Stat(t.Context(), "k")
	bt.WantClass(t, err, backend.Denied)
	if sent {
		t.Error("a request without credentials was sent")
	}
}

// TestSmallPutHeaders holds what a PUT says and what it must not say.
func TestSmallPutHeaders(t *testing.T) {
	cleanEnv(t)
	var sent []http.Header
	s, err := Open(t.Context(), Config{Bucket: "b", Region: "us-east-1", Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		h := r.Header.Clone()
		h.Set("Scheme", r.URL.Scheme)
		sent = append(sent, h)
		return nil, errStalled
	})})
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 5<<20)
	opts := optionsFor(body)
	if _, err := putBytes(s, t.Context(), "k", body); err == nil || len(sent) != 1 {
		t.Fatalf("%d requests, %v", len(sent), err)
	}
	h := sent[0]
	for name, want := range map[string]string{
		"Scheme":                       "https",
		"If-None-Match":                "*",
		"X-Amz-Checksum-Sha256":        *encode(opts.SHA256[:]),
		"X-Amz-Content-Sha256":         hexSum(opts.SHA256),
		"X-Amz-Meta-Sha256":            hexSum(opts.SHA256),
		"X-Amz-Meta-Path":              "/a",
		"X-Amz-Acl":                    "",
		"Expect":                       "",
		"Content-Encoding":             "",
		"X-Amz-Trailer":                "",
		"X-Amz-Sdk-Checksum-Algorithm": "",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func hexSum(sum [32]byte) string { return withSum(backend.PutOptions{SHA256: sum})[metaSHA256] }

// TestSecretsStayOut looks for the keys in errors of all kinds.
func TestSecretsStayOut(t *testing.T) {
	const access, secret, token = "AKIACANARYACCESS", "canary-secret-key", "canary-session-token"
	for name, reply := range map[string]bt.Reply{
		"denied": bt.ErrorReply(403, "SignatureDoesNotMatch", "The request signature we calculated does not match."),
		"lost":   bt.LostReply,
		"html":   func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { _, _ = w.Write([]byte("<html>")) },
	} {
		t.Run(name, func(t *testing.T) {
			s, faults := newFake(t, &fakeStore{})
			faults.Script(nil, -1, reply)
			creds := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: access, SecretAccessKey: secret, SessionToken: token}, nil
			})
			s, err := Open(t.Context(), Config{Bucket: "bucket", Endpoint: strings.TrimSuffix(s.base, "/bucket"), PathStyle: true, Credentials: creds})
			if err != nil {
				t.Fatal(err)
			}
			for op, o := range operations {
				err := o.run(s, t.Context())
				if err == nil {
					continue // a lost reply of a GET that was repeated
				}
				for _, canary := range []string{secret, token} {
					if strings.Contains(err.Error(), canary) {
						t.Errorf("%s tells a secret: %v", op, err)
					}
				}
			}
		})
	}
}
