package rst

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// schemes are the kinds of address that become links without any markup.
const schemes = "about acap addbook afp afs aim callto castanet chttp cid crid data dav dict dns eid fax feed file " +
	"finger freenet ftp go gopher gsm-sms h323 h324 hdl hnews http https hydra iioploc ilu im imap info ior ipp irc " +
	"iris.beep iseek jar javascript jdbc ldap lifn livescript lrq mailbox mailserver mailto md5 mid mocha modem mtqp " +
	"mupdate news nfs nntp opaquelocktoken phone pop pop3 pres printer prospero rdar res rtsp rvp rwhois rx sdp " +
	"service shttp sip sips smb snews snmp soap.beep soap.beeps ssh t120 tag tcp tel telephone telnet tftp tip tn3270 " +
	"tv urn uuid vemmi videotex view-source wais whodp whois++ x-man-page xmlrpc.beep xmlrpc.beeps z39.50r z39.50s"

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func isURIChar(c byte) bool {
	return isLetter(c) || isDigit(c) || strings.IndexByte("-_.!~*'()[];/:@&=+$,%\x00", c) >= 0
}

// isURILast tells the characters that an address may end with.
func isURILast(c byte) bool {
	return isLetter(c) || isDigit(c) || strings.IndexByte("_~*/=+", c) >= 0
}

func isMailChar(c byte) bool {
	return isLetter(c) || isDigit(c) || strings.IndexByte("-_!~*'{|}/#?^`&=+$%\x00", c) >= 0
}

// implicit finds the addresses in text that has no other markup.
func (p *parser) implicit(s string) []*node {
	var out []*node
	start := 0 // of the text that is in no node yet
	scan := addressScan{s: s}
	for {
		at, end, mail, ok := scan.next(start)
		if !ok {
			break
		}
		if start < at {
			out = append(out, textNode(s[start:at]))
		}
		ref := newNode("reference", textNode(s[at:end]))
		ref.raw = original(s[at:end])
		uri := unescape(s[at:end])
		if mail {
			uri = "mailto:" + uri
		}
		ref.set("refuri", uri)
		out = append(out, ref)
		start = end
	}
	if start < len(s) {
		out = append(out, textNode(s[start:]))
	}
	return out
}

// addressScan looks for addresses. The offsets remember where there is nothing
// to find, which keeps the work linear.
type addressScan struct {
	s                string
	noScheme, noMail int
}

// next finds the first address at or after from. An address of an unknown
// scheme ends the search, as it does in docutils.
func (a *addressScan) next(from int) (at, end int, mail, ok bool) {
	for i := from; i < len(a.s); i++ {
		if !utf8.RuneStart(a.s[i]) || !addressPrefix(a.s, i, from) {
			continue
		}
		if i >= a.noScheme && isLetter(a.s[i]) {
			if n, scheme := a.absolute(i); n > 0 {
				known := slices.Contains(strings.Fields(schemes), strings.ToLower(scheme))
				return i, n, false, known
			}
		}
		if i >= a.noMail && isMailChar(a.s[i]) {
			n, found := mailLen(a.s, i)
			if found && suffixOK(a.s, n) {
				return i, n, true, true
			}
			if !found {
				a.noMail = n
			}
		}
	}
	return 0, 0, false, false
}

func addressPrefix(s string, i, from int) bool {
	if i == from {
		return true
	}
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return isSpace(r) || isOpener(r) || isDelimiter(r)
}

// absolute returns the end of the address with a scheme that begins at i, or 0.
func (a *addressScan) absolute(i int) (int, string) {
	n := schemeLen(a.s[i:])
	if n == 0 || i+n >= len(a.s) || a.s[i+n] != ':' {
		a.noScheme = i + n
		return 0, ""
	}
	scheme := a.s[i : i+n]
	from := i + n + 1
	body := uriRun(a.s, from)
	if uriEndOK(a.s, from, body) {
		if end := tailEnd(a.s, body); end > 0 {
			return end, scheme
		}
	}
	for e := body; e > from; e-- {
		if uriEndOK(a.s, from, e) && suffixOK(a.s, e) {
			return e, scheme
		}
	}
	return 0, ""
}

// tailEnd returns the end of a query or fragment at i, or 0.
func tailEnd(s string, i int) int {
	if i >= len(s) || s[i] != '?' && s[i] != '#' {
		return 0
	}
	run := uriRun(s, i+1)
	if s[i] == '?' && uriEndOK(s, i+1, run) && run < len(s) && s[run] == '#' {
		if end := tailEnd(s, run); end > 0 {
			return end
		}
	}
	for e := run; e > i+1; e-- {
		if uriEndOK(s, i+1, e) && suffixOK(s, e) {
			return e
		}
	}
	return 0
}

func schemeLen(s string) int {
	n := 0
	for n < len(s) && (isLetter(s[n]) || n > 0 && (isDigit(s[n]) || strings.IndexByte(".+-", s[n]) >= 0)) {
		n++
	}
	return n
}

func uriRun(s string, i int) int {
	for i < len(s) && isURIChar(s[i]) {
		i++
	}
	return i
}

// uriEndOK tells that an address that reaches from from to e may end there.
func uriEndOK(s string, from, e int) bool {
	return e > from && (isURILast(s[e-1]) || e < len(s) && s[e] == '>')
}

// mailLen reads a mail address at i and returns its end. Without one it
// returns an offset before which no other mail address begins.
func mailLen(s string, i int) (int, bool) {
	at := i
	for at < len(s) && (isMailChar(s[at]) || s[at] == '.') {
		at++
	}
	if at == i || at >= len(s) || s[at] != '@' || s[at-1] == 0 || s[at-1] == '.' {
		return at, false
	}
	if strings.Contains(s[i:at], "..") {
		return i + 1, false
	}
	host := at + 1
	end := host
	for end < len(s) && (isMailChar(s[end]) || s[end] == '.' && end > host) {
		end++
	}
	for e := end; e > host+1; e-- {
		if uriEndOK(s, host, e) && suffixOK(s, e) {
			return e, true
		}
	}
	return end, false
}

// startsURI tells that a link begins with a complete address.
func startsURI(s string) bool {
	scan := addressScan{s: s}
	at, _, _, ok := scan.next(0)
	return ok && at == 0
}
