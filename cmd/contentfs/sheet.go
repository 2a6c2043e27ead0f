package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readSheet returns the properties of the add-on that a property sheet holds, as
// GenericSetup exports it, by name. Other properties are skipped. Its errors say a
// line at most: a sheet holds credentials.
func readSheet(text []byte) (map[string]string, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	found := make(map[string]string)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, notXML(d)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "property" {
			continue
		}
		name := ""
		for _, a := range start.Attr {
			if a.Name.Local == "name" {
				name = a.Value
			}
		}
		if _, known := seedNames[name]; !known {
			continue
		}
		var p struct {
			Text string `xml:",chardata"`
		}
		if err := d.DecodeElement(&p, &start); err != nil {
			return nil, notXML(d)
		}
		v := strings.TrimSpace(p.Text)
		if old, twice := found[name]; twice && old != v {
			return nil, fmt.Errorf("%s stands twice in the sheet, with different values", name)
		}
		found[name] = v
	}
}

func notXML(d *xml.Decoder) error {
	line, _ := d.InputPos()
	return fmt.Errorf("line %d is no valid XML in UTF-8", line)
}

// sheetCredentials returns the file of environment variables that the credentials
// of a sheet make, and whether there are any.
func sheetCredentials(sheet map[string]string) (string, bool, error) {
	id, secret := sheet["AWS_KEY_ID"], sheet["AWS_SEECRET_KEY"]
	if id == "" && secret == "" {
		return "", false, nil
	}
	var b strings.Builder
	for _, name := range []string{"AWS_KEY_ID", "AWS_SEECRET_KEY"} {
		v := sheet[name]
		if v == "" {
			return "", true, fmt.Errorf("%s is missing, and the other one of the two keys is there", name)
		}
		if strings.Trim(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=_-.") != "" {
			return "", true, fmt.Errorf("%s has characters that no key has", name)
		}
		fmt.Fprintf(&b, "%s=%s\n", seedNames[name], v)
	}
	return b.String(), true, nil
}
