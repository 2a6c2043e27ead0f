package content

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"contentfs/meta"
)

// CacheControl is how objects are cached unless the configuration says
// otherwise: a key never gets other content.
const CacheControl = "public, max-age=31536000, immutable"

const octetStream = "application/octet-stream"

// ContentType returns the media type of a file by its name, or by its content if
// the name says nothing. head is the beginning of the content: 512 bytes or more,
// or all of it. Text is declared as UTF-8 only when head is. Content alone never
// makes a type in which browsers run scripts.
func ContentType(name string, head []byte) string {
	mediaType := mediaTypes[strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])]
	if mediaType == "" || !strings.Contains(name, ".") {
		mediaType = sniff(head)
	}
	if strings.HasPrefix(mediaType, "text/") && !strings.Contains(mediaType, ";") && isUTF8(head) {
		mediaType += "; charset=utf-8"
	}
	return mediaType
}

// sniff returns a media type by content.
func sniff(head []byte) string {
	if len(head) == 0 {
		return octetStream
	}
	mediaType := http.DetectContentType(head)
	if charset, ok := strings.CutPrefix(mediaType, "text/plain; charset="); ok && charset != "utf-8" {
		return mediaType // has a byte order mark
	}
	if strings.HasPrefix(mediaType, "text/") {
		return "text/plain"
	}
	return mediaType
}

// isUTF8 reports whether head is UTF-8. Where it may be a beginning only, its
// last character may be cut.
func isUTF8(head []byte) bool {
	const whole = 512
	for cut := 0; len(head) >= whole && cut < utf8.UTFMax-1; cut++ {
		tail := head[len(head)-cut-1:]
		if utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				head = head[:len(head)-len(tail)]
			}
			break
		}
	}
	return utf8.Valid(head)
}

// ContentDisposition returns the header that names the file and tells browsers
// to show it (images, video, audio, PDF, plain text) or only to save it:
// everything that could run in the visitor's session (HTML, SVG, XML, scripts) or
// is unknown. The filename is given as ASCII and, as RFC 8187 has it, as UTF-8;
// control characters and slashes in it become "_", bytes that are not UTF-8
// U+FFFD. The result is printable ASCII.
func ContentDisposition(contentType, filename string) string {
	disposition := "attachment"
	if isInline(contentType) {
		disposition = "inline"
	}
	if filename == "" {
		return disposition
	}
	ascii := make([]byte, 0, len(filename))
	extended := make([]byte, 0, 3*len(filename))
	for _, r := range filename { // U+FFFD for a byte that is not UTF-8
		if unicode.IsControl(r) || r == '/' || r == '\\' {
			r = '_'
		}
		if r >= utf8.RuneSelf || r == '"' || r == '%' {
			ascii = append(ascii, '_') // some browsers decode "%" here, too
		} else {
			ascii = append(ascii, byte(r))
		}
		if isAttrChar(r) {
			extended = append(extended, byte(r))
			continue
		}
		for _, c := range []byte(string(r)) {
			extended = appendEscape(extended, c)
		}
	}
	return disposition + `; filename="` + string(ascii) + `"; filename*=UTF-8''` + string(extended)
}

// isInline reports whether browsers may show the type in place.
func isInline(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	switch top, sub, _ := strings.Cut(mediaType, "/"); top {
	case "image", "video", "audio":
		return !strings.HasPrefix(sub, "svg") && !strings.HasSuffix(sub, "xml")
	}
	return mediaType == "application/pdf" || mediaType == "text/plain"
}

// isAttrChar reports whether RFC 8187 lets r stand unescaped.
func isAttrChar(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r < utf8.RuneSelf && strings.ContainsRune("!#$&+-.^_`|~", r)
}

// mediaTypes has the types of the web by extension. It is never changed, and
// stands here because the same file must get the same type on every server.
var mediaTypes = map[string]string{
	"apng": "image/apng", "avif": "image/avif", "bmp": "image/bmp", "gif": "image/gif",
	"heic": "image/heic", "heif": "image/heif", "ico": "image/vnd.microsoft.icon",
	"jfif": "image/jpeg", "jpe": "image/jpeg", "jpeg": "image/jpeg", "jpg": "image/jpeg",
	"jp2": "image/jp2", "jxl": "image/jxl", "png": "image/png", "psd": "image/vnd.adobe.photoshop",
	"svg": "image/svg+xml", "tif": "image/tiff", "tiff": "image/tiff", "webp": "image/webp",

	"3gp": "video/3gpp", "avi": "video/x-msvideo", "flv": "video/x-flv", "m4v": "video/x-m4v",
	"mkv": "video/x-matroska", "mov": "video/quicktime", "mp4": "video/mp4", "mpeg": "video/mpeg",
	"mpg": "video/mpeg", "ogv": "video/ogg", "ts": "video/mp2t", "webm": "video/webm",
	"wmv": "video/x-ms-wmv", "m3u8": "application/vnd.apple.mpegurl", "mpd": "application/dash+xml",

	"aac": "audio/aac", "aif": "audio/aiff", "aiff": "audio/aiff", "flac": "audio/flac",
	"m4a": "audio/mp4", "mid": "audio/midi", "midi": "audio/midi", "mp3": "audio/mpeg",
	"oga": "audio/ogg", "ogg": "audio/ogg", "opus": "audio/ogg", "wav": "audio/wav",
	"weba": "audio/webm", "wma": "audio/x-ms-wma",

	"conf": "text/plain", "css": "text/css", "csv": "text/csv", "htm": "text/html",
	"html": "text/html", "ics": "text/calendar", "js": "text/javascript", "log": "text/plain",
	"markdown": "text/markdown", "md": "text/markdown", "mjs": "text/javascript",
	"text": "text/plain", "tsv": "text/tab-separated-values", "txt": "text/plain",
	"vcf": "text/vcard", "vtt": "text/vtt",

	"atom": "application/atom+xml", "geojson": "application/geo+json", "gpx": "application/gpx+xml",
	"json": "application/json", "jsonld": "application/ld+json", "kml": "application/vnd.google-earth.kml+xml",
	"map": "application/json", "rdf": "application/rdf+xml", "rss": "application/rss+xml",
	"wasm": "application/wasm", "webmanifest": "application/manifest+json", "xhtml": "application/xhtml+xml",
	"xml": "application/xml", "xsd": "application/xml", "xsl": "application/xml", "xslt": "application/xslt+xml",

	"ai": "application/postscript", "eps": "application/postscript", "epub": "application/epub+zip",
	"pdf": "application/pdf", "ps": "application/postscript", "rtf": "application/rtf",
	"doc": "application/msword", "dot": "application/msword", "ppt": "application/vnd.ms-powerpoint",
	"pps": "application/vnd.ms-powerpoint", "xls": "application/vnd.ms-excel", "msg": "application/vnd.ms-outlook",
	"docm": "application/vnd.ms-word.document.macroenabled.12",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"dotx": "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
	"potx": "application/vnd.openxmlformats-officedocument.presentationml.template",
	"ppsx": "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
	"pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	"xlsm": "application/vnd.ms-excel.sheet.macroenabled.12",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"xltx": "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
	"odg":  "application/vnd.oasis.opendocument.graphics",
	"odp":  "application/vnd.oasis.opendocument.presentation",
	"ods":  "application/vnd.oasis.opendocument.spreadsheet",
	"odt":  "application/vnd.oasis.opendocument.text",

	"eot": "application/vnd.ms-fontobject", "otf": "font/otf", "ttc": "font/collection",
	"ttf": "font/ttf", "woff": "font/woff", "woff2": "font/woff2",

	"7z": "application/x-7z-compressed", "bz2": "application/x-bzip2", "gz": "application/gzip",
	"jar": "application/java-archive", "rar": "application/vnd.rar", "tar": "application/x-tar",
	"tgz": "application/gzip", "xz": "application/x-xz", "zip": "application/zip", "zst": "application/zstd",

	"apk": "application/vnd.android.package-archive", "bin": octetStream, "dmg": octetStream,
	"exe": octetStream, "iso": octetStream, "swf": "application/x-shockwave-flash",
}

// Keys of an object's metadata. Beside them the backend keeps the SHA-256 of the
// content.
const (
	metaPath     = "path"        // absolute, inside the volume; see appendPrintable
	metaPathB64  = "path-b64"    // instead: base64 of it, where that is shorter
	metaPathHash = "path-sha256" // instead: its SHA-256, where it is too long
	metaMode     = "mode"        // st_mode in octal: type and permissions
	metaUID      = "uid"         // of the owner
	metaGID      = "gid"
	metaMtime    = "mtime" // seconds since 1970, with nine digits behind the point
	metaSize     = "size"  // bytes
	metaVersion  = "version"
	metaVolume   = "volume" // the volume's id and, behind ".", the life of its database

	// S3 takes 2,048 bytes of metadata; all the others together stay below 348.
	maxPlainPath = 1500
	maxPathValue = 1700
)

// ErrObjectMetadata is returned by ParseObjectMetadata for metadata that
// ObjectMetadata did not make.
var ErrObjectMetadata = errors.New("object metadata not understood")

// ObjectInfo is what an object's metadata says about its version.
type ObjectInfo struct {
	Path       []byte // absolute and clean, inside the volume; nil when too long to be kept
	PathSHA256 []byte // of the path, when Path is nil
	Mode       uint32 // type (always a regular file) and permission bits as in st_mode
	UID        uint32
	GID        uint32
	Mtime      int64 // nanoseconds since 1970
	Size       int64 // bytes
	Version    meta.VersionID
	Volume     string // the volume's id; "": written before objects said it
	Life       string // of the database, when it gave out the id in the key
}

// ObjectMetadata describes version v of a regular file, which was at path as the
// upload began, so that the tree can be rebuilt from the bucket. All values are
// printable ASCII without spaces, and fit into the 2 KB that S3 allows. Of a path
// of more than some 1,270 bytes that are not ASCII, or 1,700 that are, only the
// hash is kept: such a file gets its name back from a copy of the database only.
func ObjectMetadata(path []byte, node meta.Node, v meta.Version) map[string]string {
	pathKey, pathValue := pathMetadata(path)
	return map[string]string{
		pathKey:     pathValue,
		metaMode:    strconv.FormatUint(uint64(node.Mode), 8),
		metaUID:     strconv.FormatUint(uint64(node.UID), 10),
		metaGID:     strconv.FormatUint(uint64(node.GID), 10),
		metaMtime:   formatTime(node.Mtime),
		metaSize:    strconv.FormatInt(v.Size, 10),
		metaVersion: strconv.FormatInt(int64(v.ID), 10),
	}
}

// ParseObjectMetadata is the reverse of ObjectMetadata. Buckets are not trusted:
// it accepts values exactly as ObjectMetadata writes them, and ignores keys it
// does not know. Every error wraps ErrObjectMetadata.
func ParseObjectMetadata(m map[string]string) (ObjectInfo, error) {
	var (
		info ObjectInfo
		ok   bool
	)
	if info.Path, info.PathSHA256, ok = parsePathMetadata(m); !ok {
		return ObjectInfo{}, fmt.Errorf("path: %w", ErrObjectMetadata)
	}
	mode, okMode := parseUint(m[metaMode], 8, math.MaxUint16)
	uid, okUID := parseUint(m[metaUID], 10, math.MaxUint32)
	gid, okGID := parseUint(m[metaGID], 10, math.MaxUint32)
	mtime, okMtime := parseTime(m[metaMtime])
	size, okSize := parseUint(m[metaSize], 10, math.MaxInt64)
	var okOrigin bool
	info.Volume, info.Life, okOrigin = parseOrigin(m[metaVolume])
	version, okVersion := parseUint(m[metaVersion], 10, math.MaxInt64)
	for _, field := range []struct {
		key string
		ok  bool
	}{
		{metaMode, okMode && mode&meta.TypeMask == meta.TypeRegular},
		{metaUID, okUID},
		{metaGID, okGID},
		{metaMtime, okMtime},
		{metaSize, okSize},
		{metaVersion, okVersion && version > 0},
		{metaVolume, okOrigin},
	} {
		if !field.ok {
			return ObjectInfo{}, fmt.Errorf("%s %.40q: %w", field.key, m[field.key], ErrObjectMetadata)
		}
	}
	info.Mode, info.UID, info.GID = uint32(mode), uint32(uid), uint32(gid)
	info.Mtime, info.Size, info.Version = mtime, int64(size), meta.VersionID(version)
	return info, nil
}

// ObjectOrigin is the metadata, by its key, that says whose an object is.
func ObjectOrigin(volume, life string) (key, value string) { return metaVolume, volume + "." + life }

// sign adds to the metadata of an object, whose key is known, whose it is.
func (e *Engine) sign(m map[string]string, prefix, key string, id meta.VersionID) error {
	if p, err := ParseKey(prefix, key); err == nil {
		id = p.ID
	}
	life, err := e.Meta.Life(id)
	if err != nil {
		return err
	}
	k, v := ObjectOrigin(e.Meta.VolumeID(), life)
	m[k] = v
	return nil
}

// Wrote reports whether an object under a version's key says of itself that it was sent
// as that version, by the life of this database that made the key.
func (e *Engine) Wrote(v *meta.Version, m map[string]string) (bool, error) {
	info, err := ParseObjectMetadata(m)
	if err != nil || info.Volume != e.Meta.VolumeID() || info.Version != v.ID {
		return false, nil
	}
	id := v.ID
	if p, err := ParseKey(v.Prefix, v.Key); err == nil {
		id = p.ID
	}
	life, err := e.Meta.Life(id)
	return err == nil && life == info.Life, err
}

// parseOrigin is the reverse of ObjectOrigin.
func parseOrigin(s string) (volume, life string, ok bool) {
	const volumeDigits, lifeLetters = 32, 8
	if s == "" {
		return "", "", true
	}
	volume, life, ok = strings.Cut(s, ".")
	ok = ok && len(volume) == volumeDigits && strings.Trim(volume, "0123456789abcdef") == "" &&
		(life == "" || len(life) == lifeLetters && strings.Trim(life, "abcdefghijklmnopqrstuvwxyz234567") == "")
	return volume, life, ok
}

// parseUint reads a number of at most limit as strconv.FormatUint writes it.
func parseUint(s string, base int, limit uint64) (uint64, bool) {
	n, err := strconv.ParseUint(s, base, 64)
	return n, err == nil && n <= limit && strconv.FormatUint(n, base) == s
}

// formatTime writes nanoseconds as seconds with nine digits behind the point.
func formatTime(ns int64) string {
	sign, n := "", uint64(ns)
	if ns < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%09d", sign, n/1e9, n%1e9)
}

// parseTime reads a time as formatTime writes it.
func parseTime(s string) (int64, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	ns, err := strconv.ParseInt(whole+fraction, 10, 64)
	return ns, err == nil && formatTime(ns) == s
}
