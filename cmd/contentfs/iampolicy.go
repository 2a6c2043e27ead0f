package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

func (p *program) iamPolicyCommand() *cli.Command {
	return &cli.Command{
		Name:      "iam-policy",
		Usage:     "print the permissions that a volume needs, as a policy for AWS",
		ArgsUsage: "VOLUME",
		Description: `Prints a policy for the bucket and prefix of a volume, ready to paste where the
credentials of this server come from. It asks nobody, and the volume need not be
mounted. The policy is JSON in either format.

A listing that names another prefix is refused. One that names none is not: S3
cannot tell it from the question whether the bucket is there, which must be
allowed.`,
		Flags: append(flagsOf(func(s *setting) bool { return s.group == groupStore }),
			&cli.BoolFlag{Name: "with-gc", Usage: "also allow deleting objects", DisableDefaultText: true},
			configFlag(), formatFlag()),
		Action: interruptible(p.iamPolicy),
	}
}

func (p *program) iamPolicy(_ context.Context, c *cli.Context) error {
	if _, err := wantJSON(c); err != nil {
		return err
	}
	name, err := oneArgument(c, "VOLUME")
	if err != nil {
		return err
	}
	cfg, err := p.load(name, c.String("config"), cliOptions{c})
	if err != nil {
		return err
	}
	if err := cfg.needBucket(p); err != nil {
		return err
	}
	// No verdict: one more member would make it no policy. No escaping of "<", ">"
	// and "&" either, which a prefix may have: the policy is for people, too.
	enc := json.NewEncoder(p.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(policyFor(cfg.store, c.Bool("with-gc"))); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// iamPolicy is a policy in the words of AWS.
type iamPolicy struct {
	Version   string
	Statement []iamStatement
}

type iamStatement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

// policyFor returns what a volume needs. Permission to list the bucket is what
// lets S3 tell a missing object from a forbidden one. Its condition holds only
// where a request has a prefix, because that question, and whether the bucket is
// there, have none.
func policyFor(s storeConfig, withGC bool) iamPolicy {
	bucket := "arn:" + partition(s.region) + ":s3:::" + s.bucket
	keys := "*"
	list := iamStatement{Sid: "List", Effect: "Allow", Action: []string{"s3:ListBucket"}, Resource: bucket}
	if s.prefix != "" {
		keys = literal(s.prefix) + "/*"
		list.Condition = map[string]map[string]string{"StringLikeIfExists": {"s3:prefix": keys}}
	}
	objects := iamStatement{
		Sid: "Objects", Effect: "Allow",
		Action:   []string{"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"},
		Resource: bucket + "/" + keys,
	}
	policy := iamPolicy{Version: "2012-10-17"}
	if withGC {
		objects.Action = append(objects.Action, "s3:DeleteObject")
		// This one knows no condition on the prefix.
		policy.Statement = append(policy.Statement, iamStatement{Sid: "Uploads", Effect: "Allow",
			Action: []string{"s3:ListBucketMultipartUploads"}, Resource: bucket})
	}
	policy.Statement = append([]iamStatement{objects, list}, policy.Statement...)
	return policy
}

// literal writes s so that a policy does not take parts of it for wildcards or
// variables.
func literal(s string) string {
	return strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}").Replace(s)
}

// partition is the part of AWS that a region belongs to.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
