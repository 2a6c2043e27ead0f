package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The functions below read the value of one setting each. Their errors say what
// a value must be; who calls adds which setting it was and where it came from.

func truthInto(field func(*config) *bool) func(*config, string) error {
	return func(c *config, v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return fmt.Errorf("%.40q is neither true nor false", v)
		}
		*field(c) = b
		return nil
	}
}

func absoluteInto(field func(*config) *string) func(*config, string) error {
	return func(c *config, v string) error {
		if v == "" {
			return errors.New("names no folder")
		}
		path, err := filepath.Abs(v)
		if err != nil {
			return err
		}
		*field(c) = path
		return nil
	}
}

func setBucket(c *config, v string) error {
	c.store.bucket = v
	return checkBucketName(v)
}

func setPrefix(c *config, v string) error {
	const longest = 512 // half of a key
	v = strings.Trim(v, "/")
	switch {
	case len(v) > longest:
		return fmt.Errorf("is longer than %d bytes", longest)
	case !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl):
		return errors.New("has characters that do not belong in a key")
	}
	for part := range strings.SplitSeq(v, "/") {
		if part == "." || part == ".." || part == "" && v != "" {
			return fmt.Errorf("%q has an empty part, or \".\" or \"..\" as a part", v)
		}
	}
	c.store.prefix = v
	return nil
}

func setRegion(c *config, v string) error {
	if strings.Trim(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return fmt.Errorf("%.40q is no region; write for example eu-central-1", v)
	}
	c.store.region = v
	return nil
}

func setEndpoint(c *config, v string) error {
	if v == "" {
		c.store.endpoint = ""
		return nil
	}
	u, err := webURL(v)
	if err != nil {
		return err
	}
	c.store.endpoint = strings.TrimRight(u.String(), "/")
	return nil
}

func setSiteURL(c *config, v string) error {
	if v == "" {
		c.siteURL = ""
		return nil
	}
	u, err := webURL(v)
	if err != nil {
		return err
	}
	c.siteURL = strings.TrimRight(u.String(), "/")
	return nil
}

// webURL reads an http or https address. Its errors never show the address: a
// password may stand in it.
func webURL(v string) (*url.URL, error) {
	u, err := url.Parse(v)
	switch {
	case err != nil:
		return nil, errors.New("is no URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, errors.New("must begin with https:// or http:// and a host")
	case u.User != nil:
		return nil, errors.New("must not hold a user or password: credentials come from the AWS configuration")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("must not have a query or fragment")
	}
	return u, nil
}

func setCDNDomain(c *config, v string) error {
	u, err := url.Parse("https://" + v)
	if v != "" && (err != nil || u.Host != v || strings.ContainsAny(v, " /@")) {
		return fmt.Errorf("%.80q is no domain; write it without https:// and without a path", v)
	}
	c.cdnDomain = v
	return nil
}

// setHTTP reads host:port. A port alone is one of loopback: whoever reaches the address
// can read every file.
func setHTTP(c *config, v string) error {
	if v == "" {
		c.http = ""
		return nil
	}
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		host, port = "", v
	}
	n, perr := strconv.ParseUint(port, 10, 16)
	if perr != nil || n == 0 || strings.Trim(port, "0123456789") != "" || strings.ContainsAny(host, " /@%") {
		return fmt.Errorf("%.80q is no address; write for example 127.0.0.1:7480", v)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	c.http = net.JoinHostPort(host, port)
	return nil
}

// isLoopback reports whether only this machine reaches an address that setHTTP took.
func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func setCacheSize(c *config, v string) (err error) {
	c.cacheSize, err = parseSize(v)
	return err
}

func setDurability(c *config, v string) error {
	c.durability = v
	return oneOf(v, "strict", "relaxed", "s3")
}

func setOffload(c *config, v string) error {
	c.offload = v
	return oneOf(v, "on", "off")
}

func setUmask(c *config, v string) error {
	n, err := strconv.ParseUint(v, 8, 32)
	if err != nil || n > 0o777 {
		return fmt.Errorf("%.40q is no octal number of 000 to 777", v)
	}
	c.umask = uint32(n)
	return nil
}

func setUID(c *config, v string) error {
	return setID(&c.uid, v, "user", func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
}

func setGID(c *config, v string) error {
	return setID(&c.gid, v, "group", func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
}

func setID(id **uint32, v, what string, lookup func(string) (string, error)) error {
	if strings.Trim(v, "0123456789") != "" || v == "" {
		found, err := lookup(v)
		if err != nil {
			return fmt.Errorf("there is no %s %.40q on this machine", what, v)
		}
		v = found
	}
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil || n == 1<<32-1 { // the kernel's "no id"
		return fmt.Errorf("%.40q is no %s id", v, what)
	}
	u := uint32(n)
	*id = &u
	return nil
}

func setAllowOther(c *config, v string) error {
	b, err := strconv.ParseBool(v)
	if err != nil {
		return fmt.Errorf("%.40q is neither true nor false", v)
	}
	c.allowOther = &b
	return nil
}

func setDrain(c *config, v string) error {
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return fmt.Errorf("%.40q is no time; write for example 60s or 5m", v)
	}
	c.drain = d
	return nil
}

func setGrace(c *config, v string) (err error) {
	c.grace, err = parseAge(v)
	return err
}

func setLogLevel(c *config, v string) error {
	if err := oneOf(v, "debug", "info", "warn", "error"); err != nil {
		return err
	}
	return c.logLevel.UnmarshalText([]byte(v))
}

func setLogFormat(c *config, v string) error {
	c.logJSON = v == "json"
	return oneOf(v, "text", "json")
}

// oneOf returns an error unless v is one of names.
func oneOf(v string, names ...string) error {
	for _, n := range names {
		if v == n {
			return nil
		}
	}
	return fmt.Errorf("%.40q is none of %s", v, strings.Join(names, ", "))
}
