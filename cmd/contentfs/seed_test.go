package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sheetSecret = "hunter2/SecretOfTheSheet+0123456789"

// sheetOf is a property sheet as GenericSetup exports it.
func sheetOf(properties string) string {
	return `<?xml version="1.0"?>
<object name="portal_properties" meta_type="Plone Properties Tool">
 <object name="site_properties" meta_type="Plone Property Sheet">
  <property name="title">Site wide properties</property>
 </object>
 <object name="contentfiles2aws" meta_type="Plone Property Sheet">
` + properties + `
 </object>
</object>
`
}

var fullSheet = sheetOf(`  <property name="USE_AWS" type="boolean">True</property>
  <property name="AWS_KEY_ID" type="string">AKIAEXAMPLE</property>
  <property name="AWS_SEECRET_KEY" type="string">` + sheetSecret + `</property>
  <property name="AWS_BUCKET_NAME" type="string">
    myawsbucket
  </property>
  <property name="AWS_FILENAME_PREFIX" type="string">folder1/folder &amp; "2"</property>
  <property name="ALTERNATIVE_CDN_DOMAIN" type="string">http://cdn.example.org/</property>
  <property name="USE_LOCAL_STORAGE" type="boolean">True</property>
  <property name="LOCAL_STORAGE_PATH" type="string">/srv/old</property>
  <property name="OTHER" type="string">x</property>`)

func TestImportSheet(t *testing.T) {
	f := newFixture(t)
	sheet := f.write("propertiestool.xml", fullSheet)
	env := filepath.Join(f.dir, "web.env")
	code, out, errOut := f.command("config", "import-sheet", sheet, "--env", env)
	if code != exitOK || errOut != "" || strings.Contains(out, sheetSecret) || strings.Contains(out, "AKIA") {
		t.Fatalf("exit %d, %s%s", code, out, errOut)
	}
	// What was printed is a configuration.
	f.write("etc/web.toml", out)
	c := mustLoad(t, f, nil)
	if c.store.bucket != "myawsbucket" || c.store.prefix != `folder1/folder & "2"` || c.cdnDomain != "cdn.example.org" || c.fallback != "/srv/old" || c.offload != "on" {
		t.Errorf("%+v from:\n%s", c, out)
	}
	text, err := os.ReadFile(env)
	if err != nil || string(text) != "AWS_ACCESS_KEY_ID=AKIAEXAMPLE\nAWS_SECRET_ACCESS_KEY="+sheetSecret+"\n" {
		t.Errorf("%q, %v", text, err)
	}
	if fi, err := os.Stat(env); err != nil || fi.Mode() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
	// The file is not written twice.
	code, out, errOut = f.command("config", "import-sheet", sheet, "--env", env)
	if code != exitConfig || out != "" || !strings.Contains(errOut, "is there already") || strings.Contains(errOut, sheetSecret) {
		t.Errorf("again: exit %d, %s%s", code, out, errOut)
	}
}

func TestImportSheetFollowsNoLink(t *testing.T) {
	f := newFixture(t)
	env := filepath.Join(f.dir, "web.env")
	victim := filepath.Join(f.dir, "victim")
	if err := os.Symlink(victim, env); err != nil {
		t.Fatal(err)
	}
	code, _, errOut := f.command("config", "import-sheet", f.write("s.xml", fullSheet), "--env", env)
	if _, err := os.Lstat(victim); code != exitConfig || err == nil {
		t.Errorf("exit %d, %s", code, errOut)
	}
}

func TestImportSheetWithoutEnv(t *testing.T) {
	f := newFixture(t)
	code, out, errOut := f.command("config", "import-sheet", f.write("s.xml", fullSheet), "--format=json")
	var r sheetResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitOK {
		t.Fatalf("exit %d, %v: %s%s", code, err, out, errOut)
	}
	if r.Credentials != credentialsLeft || r.Settings["bucket"] != "myawsbucket" || len(r.Settings) != 5 || !strings.Contains(errOut, "--env FILE") {
		t.Errorf("%s%s", out, errOut)
	}
	if strings.Contains(out+errOut, sheetSecret) || strings.Contains(out+errOut, "AKIA") {
		t.Errorf("a secret is shown: %s%s", out, errOut)
	}
}

func TestImportSheetErrors(t *testing.T) {
	f := newFixture(t)
	property := func(name, v string) string { return sheetOf(`<property name="` + name + `">` + v + `</property>`) }
	for _, tc := range []struct{ sheet, why string }{
		{"", "no property of collective.contentfiles2aws"},
		{sheetOf(""), "no property of"},
		{"<object>\n<property name=\"AWS_SEECRET_KEY\">" + sheetSecret + "&x;</property></object>", "line 2 is no valid XML"},
		{"<object><property name=\"AWS_SEECRET_KEY\">" + sheetSecret, "no valid XML"},
		{"<?xml version=\"1.0\" encoding=\"latin-1\"?><object/>", "no valid XML in UTF-8"},
		{"<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a><property name=\"AWS_BUCKET_NAME\">&e;</property></a>", "no valid XML"},
		{property("USE_AWS", "perhaps"), "neither true nor false"},
		{property("AWS_BUCKET_NAME", "My_Bucket"), "AWS_BUCKET_NAME: "},
		{property("ALTERNATIVE_CDN_DOMAIN", "a b"), "ALTERNATIVE_CDN_DOMAIN: "},
		{property("AWS_SEECRET_KEY", sheetSecret), "AWS_KEY_ID is missing"},
		{sheetOf(`<property name="AWS_KEY_ID">a</property><property name="AWS_SEECRET_KEY">` + sheetSecret + " x</property>"), "characters that no key has"},
		{sheetOf(`<property name="AWS_SEECRET_KEY">` + sheetSecret + `</property><property name="AWS_SEECRET_KEY">b</property>`), "stands twice"},
		{fullSheet + strings.Repeat(" ", maxConfig), "larger than"},
	} {
		code, out, errOut := f.command("config", "import-sheet", f.write("s.xml", tc.sheet))
		if code != exitConfig || out != "" || !strings.Contains(errOut, tc.why) || strings.Contains(errOut, sheetSecret) {
			t.Errorf("%.200s: exit %d, %s%s", tc.sheet, code, out, errOut)
		}
	}
}

func TestSeedNamesAsSettings(t *testing.T) {
	sheet := map[string]string{
		"USE_AWS": "False", "AWS_BUCKET_NAME": "from-seed", "AWS_FILENAME_PREFIX": "a/b", "ALTERNATIVE_CDN_DOMAIN": "cdn.example.org",
		"USE_LOCAL_STORAGE": "true", "LOCAL_STORAGE_PATH": "/srv/old",
	}
	check := func(f *fixture, place string) {
		t.Helper()
		c := mustLoad(t, f, nil)
		if c.offload != "off" || c.store.bucket != "from-seed" || c.store.prefix != "a/b" || c.cdnDomain != "cdn.example.org" || c.fallback != "/srv/old" ||
			!strings.Contains(c.origins["bucket"], place) {
			t.Errorf("in the %s: %+v", place, c)
		}
	}
	f := newFixture(t)
	var text strings.Builder
	for k, v := range sheet {
		f.env[k] = v
		text.WriteString(k + " = " + tomlString(v) + "\n")
	}
	check(f, "environment AWS_BUCKET_NAME")
	f.env = map[string]string{}
	f.write("etc/web.toml", text.String())
	check(f, "web.toml:")
	f.write("etc/web.toml", "USE_AWS = false\nUSE_LOCAL_STORAGE = true\nAWS_BUCKET_NAME = \"from-seed\"\nLOCAL_STORAGE_PATH = \"/srv/old\"\nAWS_FILENAME_PREFIX = \"a/b\"\nALTERNATIVE_CDN_DOMAIN = \"https://cdn.example.org\"\n")
	check(f, "web.toml:")

	// Without USE_LOCAL_STORAGE the path means nothing.
	f.write("etc/web.toml", "LOCAL_STORAGE_PATH = \"/srv/old\"\nUSE_LOCAL_STORAGE = false\n")
	if c := mustLoad(t, f, nil); c.fallback != "" {
		t.Errorf("fallback %q", c.fallback)
	}
	// A name of the add-on in the environment may be another program's.
	f.env["AWS_BUCKET_NAME"] = "of-another-program"
	f.write("etc/web.toml", "bucket = \"mine\"\n")
	if c := mustLoad(t, f, nil); c.store.bucket != "mine" {
		t.Errorf("bucket %q", c.store.bucket)
	}
}

func TestSeedNamesThatAreWrong(t *testing.T) {
	f := newFixture(t)
	for _, tc := range []struct{ text, why string }{
		{"\nbucket = \"a-b-c\"\nAWS_BUCKET_NAME = \"d-e-f\"\n", "web.toml:3: bucket is set already"},
		{"USE_AWS = \"perhaps\"\n", "USE_AWS (" + f.dir + "/etc/web.toml:1): "},
		{"USE_LOCAL_STORAGE = \"perhaps\"\n", "neither true nor false"},
		{"AWS_BUCKET_NAME = 7\n", "a string in quotes"},
		{"AWS_KEY_ID = \"hunter2\"\n", "credentials do not belong"},
		{"AWS_SEECRET_KEY = \"hunter2\"\n", "credentials do not belong"},
	} {
		f.write("etc/web.toml", tc.text)
		code, out, errOut := f.command("config", "show", "web")
		if code != exitConfig || out != "" || !strings.Contains(errOut, tc.why) || strings.Contains(errOut, "hunter2") {
			t.Errorf("%q: exit %d, %s%s", tc.text, code, out, errOut)
		}
	}
}

func TestConfigShow(t *testing.T) {
	f := newFixture(t)
	f.write("etc/web.toml", "bucket = \"my-bucket\"\nprefix = \"\"\n\n[[rule]]\nto = \"here\"\n")
	f.env["CONTENTFS_REGION"] = "eu-central-1"
	f.env["AWS_SECRET_ACCESS_KEY"] = "hunter2"
	code, out, errOut := f.command("config", "show", "web", "--umask", "022")
	if code != exitOK || errOut != "" || strings.Contains(out, "hunter2") {
		t.Fatalf("exit %d, %s%s", code, out, errOut)
	}
	rows := make(map[string]string)
	for line := range strings.Lines(out) {
		key, rest, _ := strings.Cut(line, " ")
		rows[key] = strings.Join(strings.Fields(rest), " ")
	}
	for key, want := range map[string]string{
		"bucket": "my-bucket " + filepath.Join(f.dir, "etc/web.toml:1"), "prefix": `"" ` + filepath.Join(f.dir, "etc/web.toml:2"),
		"region": "eu-central-1 environment CONTENTFS_REGION", "umask": "022 option --umask", "offload": "on default",
		"uid": "- (who creates them) not set", "endpoint": "- (AWS) not set",
	} {
		if rows[key] != want {
			t.Errorf("%s: %q, want %q", key, rows[key], want)
		}
	}
	for _, s := range settings() {
		if _, ok := rows[s.key]; !ok {
			t.Errorf("%s is not shown", s.key)
		}
	}
	if !strings.HasSuffix(out, "\nweb: 4 settings set, 1 rule, configuration file "+f.dir+"/etc/web.toml\n") {
		t.Errorf("%s", out)
	}
	code, out, _ = f.command("config", "show", "web", "--format=json")
	var r configResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitOK || len(r.Settings) != len(settings()) || r.Settings[0].Value == nil || *r.Settings[0].Value != "my-bucket" {
		t.Errorf("exit %d, %s", code, out)
	}
}

// FuzzSheet: a sheet comes from anywhere; what is wrong with it is told without
// its content.
func FuzzSheet(f *testing.F) {
	f.Add([]byte(fullSheet))
	f.Add([]byte("<a><property name='AWS_SEECRET_KEY'>x<b>y</b></property></a>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		sheet, err := readSheet(text)
		if err != nil {
			return
		}
		r, err := sheetSettings("s.xml", sheet)
		if err != nil {
			return
		}
		content, err := parseConfig("web.toml", []byte(r.TOML))
		if err != nil {
			t.Fatalf("what is printed is no configuration: %v\n%s", err, r.TOML)
		}
		for key, v := range r.Settings {
			if content.values[key].text != v {
				t.Fatalf("%s is %q, and was %q", key, content.values[key].text, v)
			}
		}
	})
}
