package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// seedNames are the properties of collective.contentfiles2aws, by what they are
// here: the key of a setting, or a variable of the AWS credentials. They are never
// changed. USE_LOCAL_STORAGE says whether LOCAL_STORAGE_PATH counts.
var seedNames = map[string]string{
	"USE_AWS":                "offload",
	"AWS_KEY_ID":             "AWS_ACCESS_KEY_ID",
	"AWS_SEECRET_KEY":        "AWS_SECRET_ACCESS_KEY", // as the add-on spells it
	"AWS_BUCKET_NAME":        "bucket",
	"AWS_FILENAME_PREFIX":    "prefix",
	"ALTERNATIVE_CDN_DOMAIN": "cdn_domain",
	"USE_LOCAL_STORAGE":      "",
	"LOCAL_STORAGE_PATH":     "fallback",
}

// seedSecret reports whether a property of the add-on is one of the credentials.
func seedSecret(name string) bool { return strings.HasPrefix(seedNames[name], "AWS_") }

// fromSeed returns the settings that the add-on's properties say, by key. get
// returns a property, and is not asked for credentials.
func fromSeed(get func(name string) (value, bool)) (map[string]value, error) {
	found := make(map[string]value)
	for _, name := range slices.Sorted(maps.Keys(seedNames)) {
		key := seedNames[name]
		v, ok := get(name)
		if v.text = strings.TrimSpace(v.text); !ok || v.text == "" || seedSecret(name) {
			continue
		}
		var err error
		switch name {
		case "USE_AWS":
			v.text, err = seedSwitch(v.text)
		case "USE_LOCAL_STORAGE":
			_, err = seedSwitch(v.text)
		case "LOCAL_STORAGE_PATH":
			local, ok := get("USE_LOCAL_STORAGE")
			on, _ := seedSwitch(strings.TrimSpace(local.text)) // a wrong one is told in its turn
			if !ok || on != "on" {
				continue
			}
		case "ALTERNATIVE_CDN_DOMAIN":
			v.text = seedDomain(v.text)
		}
		if err != nil {
			return nil, &failure{code: v.code, what: fmt.Sprintf("%s (%s)", name, v.origin), err: err}
		}
		if key != "" {
			found[key] = v
		}
	}
	return found, nil
}

// seedSwitch reads a truth as Zope or people write it.
func seedSwitch(v string) (string, error) {
	switch strings.ToLower(v) {
	case "on", "yes":
		return "on", nil
	case "off", "no":
		return "off", nil
	}
	b, err := strconv.ParseBool(strings.ToLower(v))
	if err != nil {
		return "", fmt.Errorf("%.40q is neither true nor false", v)
	}
	if b {
		return "on", nil
	}
	return "off", nil
}

// seedDomain is the domain of what may be an address: the add-on took both.
func seedDomain(v string) string {
	if _, rest, ok := strings.Cut(v, "://"); ok {
		v = rest
	}
	return strings.Trim(v, "/")
}
