package main

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"contentfs/backend"
)

// examination carries out the steps of a check in order. After a step that
// makes the next ones meaningless, they are skipped.
type examination struct {
	cfg   *config
	store objectStore
	res   *checkResult
	over  bool

	// lacks is what the store was found not to know, "" when it took the first
	// write as it was.
	lacks string
}

// examine checks the settings of a volume against its store.
func (p *program) examine(ctx context.Context, cfg *config, create bool) *checkResult {
	x := &examination{cfg: cfg, res: &checkResult{Volume: cfg.name, Bucket: cfg.store.bucket}}
	x.http()
	x.name()
	x.open(ctx, p)
	x.step("bucket", func() finding { return x.bucket(ctx, create) })

	key := ".contentfs-check-" + strings.ToLower(rand.Text())
	if cfg.store.prefix != "" {
		key = cfg.store.prefix + "/" + key
	}
	body := []byte("contentfs check of volume " + cfg.name + ", " + p.now().UTC().Format(time.RFC3339Nano) + "\n")
	var put error
	tried := false
	if !x.over {
		put, tried = x.firstPut(ctx, key, body), true
	}
	x.step("credentials", func() finding { return x.credentials(put) })
	x.step("write", func() finding { return x.write(put, key) })
	x.step("read", func() finding { return x.read(ctx, key, body) })
	x.step("conditional write", func() finding { return x.conditional(ctx, key, body) })
	x.over = !tried || !mayExist(put)
	x.step("delete", func() finding { return x.remove(ctx, key) })
	return x.res
}

// step adds a finding, unless the check is over.
func (x *examination) step(name string, do func() finding) {
	f := finding{Outcome: skipped}
	if !x.over {
		f = do()
	}
	f.Step = name
	x.res.Findings = append(x.res.Findings, f)
}

// broken returns a failed finding that ends the check.
func (x *examination) broken(err error, code int, remedy string) finding {
	x.over = true
	return finding{Outcome: failed, Detail: err.Error(), Remedy: remedy, code: code}
}

// http judges the address for web servers, where there is one.
func (x *examination) http() {
	address := x.cfg.http
	switch {
	case address == "":
	case isLoopback(address):
		x.step("http", func() finding { return finding{Outcome: passed, Detail: address + ", for this machine only"} })
	default:
		x.step("http", func() finding {
			return finding{Outcome: warned, Detail: address + ": whoever reaches it can read every file",
				Remedy: "an address of loopback such as 127.0.0.1:7480, or a firewall that lets the web servers in only"}
		})
	}
}

// rules tells of settings that a rule has in vain.
func (x *examination) rules() {
	for _, text := range x.cfg.idleRules() {
		x.step("rules", func() finding {
			return finding{Outcome: warned, Detail: text, Remedy: "to = \"s3\", or leave them out"}
		})
	}
}

// name judges the bucket's name; that it is legal was seen when it was read.
func (x *examination) name() {
	s := x.cfg.store
	f := finding{Outcome: passed, Detail: s.bucket}
	if w := bucketWarning(s.bucket, s.pathStyle, !strings.HasPrefix(s.endpoint, "http://")); w != "" {
		f = finding{Outcome: warned, Detail: w}
	}
	x.step("bucket name", func() finding { return f })
}

func (x *examination) open(ctx context.Context, p *program) {
	x.step("region", func() (f finding) {
		store, err := p.openStore(ctx, x.cfg.store)
		if err != nil {
			return x.broken(err, exitConfig, "--region, CONTENTFS_REGION, AWS_REGION, or region in the configuration; --endpoint for a store that is not AWS's")
		}
		x.store = store
		if x.cfg.store.region == "" {
			return finding{Outcome: passed, Detail: "from the AWS configuration"}
		}
		return finding{Outcome: passed, Detail: x.cfg.store.region}
	})
}

// bucket sees whether the bucket is there and answers. A refusal is no failure:
// looking at a bucket needs a permission that the mount does not need.
func (x *examination) bucket(ctx context.Context, create bool) finding {
	err := x.store.CheckBucket(ctx)
	if err != nil && create && missingBucket(err) {
		if err = x.store.CreateBucket(ctx); err == nil {
			return finding{Outcome: passed, Detail: "created"}
		}
		return x.broken(err, storeCode(err), storeRemedy(err))
	}
	switch {
	case err == nil:
		return finding{Outcome: passed, Detail: "reachable"}
	case backend.ClassOf(err) == backend.Denied:
		return finding{Outcome: warned, Detail: "looking at the bucket is refused (" + err.Error() + "); the next steps tell"}
	case backend.ClassOf(err) == backend.Transient:
		return x.broken(err, exitUnreachable, "the endpoint, the network and the firewall of this server; a mount works meanwhile, and uploads when S3 answers")
	}
	return x.broken(err, storeCode(err), storeRemedy(err))
}
