package main

import (
	"strings"
	"testing"
)

const webPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Objects",
      "Effect": "Allow",
      "Action": [
        "s3:GetObject",
        "s3:PutObject",
        "s3:AbortMultipartUpload"
      ],
      "Resource": "arn:aws:s3:::example-files/web/new/*"
    },
    {
      "Sid": "List",
      "Effect": "Allow",
      "Action": [
        "s3:ListBucket"
      ],
      "Resource": "arn:aws:s3:::example-files",
      "Condition": {
        "StringLikeIfExists": {
          "s3:prefix": "web/new/*"
        }
      }
    }
  ]
}
`

// TestIAMPolicy is the same in both formats, and comes from the settings.
func TestIAMPolicy(t *testing.T) {
	f := newFixture(t)
	f.write("etc/web.toml", "bucket = \"example-files\"\nprefix = \"web/new/\"\n")
	for _, format := range []string{"table", "json"} {
		code, out, errOut := f.command("iam-policy", "web", "--format", format)
		if code != exitOK || out != webPolicy || errOut != "" {
			t.Errorf("%s: exit %d\n%s\n%s", format, code, out, errOut)
		}
	}
	withGC := strings.Replace(webPolicy, `"s3:AbortMultipartUpload"`, "\"s3:AbortMultipartUpload\",\n        \"s3:DeleteObject\"", 1)
	withGC = strings.Replace(withGC, "    }\n  ]\n}\n", `    },
    {
      "Sid": "Uploads",
      "Effect": "Allow",
      "Action": [
        "s3:ListBucketMultipartUploads"
      ],
      "Resource": "arn:aws:s3:::example-files"
    }
  ]
}
`, 1)
	if code, out, errOut := f.command("iam-policy", "--with-gc", "web"); code != exitOK || out != withGC {
		t.Errorf("exit %d\n%s\n%s", code, out, errOut)
	}
}

func TestIAMPolicyOfWholeBucket(t *testing.T) {
	p := policyFor(storeConfig{bucket: "b"}, false)
	if p.Statement[0].Resource != "arn:aws:s3:::b/*" || p.Statement[1].Condition != nil {
		t.Errorf("%+v", p)
	}
}

// TestIAMPolicyIsLiteral: a prefix is never read as a pattern, nor a region as
// one of another part of AWS.
func TestIAMPolicyIsLiteral(t *testing.T) {
	p := policyFor(storeConfig{bucket: "b", prefix: `a*b?c$d "ü" <&>`, region: "cn-north-1"}, false)
	if want := `arn:aws-cn:s3:::b/a${*}b${?}c${$}d "ü" <&>/*`; p.Statement[0].Resource != want {
		t.Errorf("%s, want %s", p.Statement[0].Resource, want)
	}
	for region, want := range map[string]string{"": "aws", "eu-central-1": "aws", "us-gov-west-1": "aws-us-gov", "cnx": "aws"} {
		if got := partition(region); got != want {
			t.Errorf("%s: %s", region, got)
		}
	}
}
