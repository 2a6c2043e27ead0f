package main

import (
	"errors"

	"contentfs/backend"
)

// remedies are what can be done about the codes of S3.
var remedies = map[string]string{
	"InvalidAccessKeyId":           "another access key: the store does not know this one (AWS_ACCESS_KEY_ID, AWS_PROFILE, ~/.aws/credentials)",
	"SignatureDoesNotMatch":        "another secret key: it does not belong to the access key (AWS_SECRET_ACCESS_KEY, ~/.aws/credentials)",
	"ExpiredToken":                 "new credentials: these have expired (AWS_SESSION_TOKEN, aws sso login)",
	"ExpiredTokenException":        "new credentials: these have expired (AWS_SESSION_TOKEN, aws sso login)",
	"InvalidToken":                 "other credentials: the session token is not valid (AWS_SESSION_TOKEN)",
	"RequestTimeTooSkewed":         "set this server's clock: it differs from the store's (timedatectl)",
	"AccessDenied":                 "allow s3:GetObject, s3:PutObject and s3:AbortMultipartUpload on the prefix, and s3:ListBucket on the bucket, in the policy of these credentials",
	"Forbidden":                    "allow s3:GetObject, s3:PutObject and s3:AbortMultipartUpload on the prefix, and s3:ListBucket on the bucket, in the policy of these credentials",
	"NoSuchBucket":                 "the right --bucket, or contentfs mount --create-bucket to create it",
	"NotFound":                     "the right --bucket, or contentfs mount --create-bucket to create it",
	"PermanentRedirect":            "--region with the bucket's own region",
	"AuthorizationHeaderMalformed": "--region with the bucket's own region",
	"MovedPermanently":             "--region with the bucket's own region",
	"BucketAlreadyExists":          "another --bucket: names are shared by all accounts, and this one is taken",
}

// storeRemedy returns what can be done about an error of the store, "" when
// nothing is known.
func storeRemedy(err error) string {
	var e *backend.Error
	if !errors.As(err, &e) {
		return ""
	}
	if r := remedies[e.Code]; r != "" {
		return r
	}
	switch e.Class {
	case backend.Denied:
		return credentialsGo
	case backend.Missing:
		return "the right --bucket, --region and --endpoint, or contentfs mount --create-bucket to create the bucket"
	case backend.Transient:
		return "again later; a mount works meanwhile, and uploads when S3 answers"
	}
	return ""
}

// missingBucket reports whether err says that the bucket does not exist, and not
// that it is in another region.
func missingBucket(err error) bool {
	var e *backend.Error
	if !errors.As(err, &e) || e.Class != backend.Missing {
		return false
	}
	switch e.Code {
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "MovedPermanently", "IllegalLocationConstraintException", "InvalidBucketName":
		return false
	}
	return true
}
