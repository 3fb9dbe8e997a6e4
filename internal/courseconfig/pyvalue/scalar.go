package pyvalue

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The functions of this file turn the text of a scalar into a value as the
// function of the same tag in PyYAML does. What they take goes beyond the
// forms of resolve.go, since an explicit tag may stand before any text.

func readBool(v *Value, text string) error {
	v.Kind = Bool
	switch lowerASCII(text) {
	case "yes", "true", "on":
		v.Bool = true
	case "no", "false", "off":
	default:
		return fmt.Errorf("%s is neither true nor false", quoted(text))
	}
	return nil
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// splitSign takes underscores and one sign off a number.
func splitSign(text string) (rest string, negative bool) {
	rest = strings.ReplaceAll(text, "_", "")
	if strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "+") {
		return rest[1:], rest[0] == '-'
	}
	return rest, false
}

func readInt(v *Value, text string) error {
	if isPlainInt(text) {
		n, err := strconv.ParseInt(text, 10, 64)
		v.Kind, v.Int = Int, big.NewInt(n)
		return err
	}
	rest, negative := splitSign(text)
	var i *big.Int
	var err error
	switch {
	case len(rest) > maxNumber:
		err = errLongNumber
	case rest == "0":
		i = new(big.Int)
	case strings.HasPrefix(rest, "0b"):
		i, err = pyInt(rest[2:], 2)
	case strings.HasPrefix(rest, "0x"):
		i, err = pyInt(rest[2:], 16)
	case strings.HasPrefix(rest, "0"):
		i, err = pyInt(rest, 8)
	default:
		i, err = sexagesimalInt(strings.Split(rest, ":"))
	}
	if err != nil {
		return fmt.Errorf("%s is no number: %w", quoted(text), err)
	}
	if negative {
		i.Neg(i)
	}
	v.Kind, v.Int = Int, i
	return nil
}

// sexagesimalInt computes a:b:c in base 60. Halving the parts keeps long ones
// fast.
func sexagesimalInt(parts []string) (*big.Int, error) {
	if len(parts) == 1 {
		return pyInt(parts[0], 10)
	}
	half := len(parts) / 2
	high, err := sexagesimalInt(parts[:half])
	if err != nil {
		return nil, err
	}
	low, err := sexagesimalInt(parts[half:])
	if err != nil {
		return nil, err
	}
	scale := new(big.Int).Exp(big.NewInt(60), big.NewInt(int64(len(parts)-half)), nil)
	return low.Add(low, scale.Mul(scale, high)), nil
}

// maxDigits is how many decimal digits Python turns into an int, or back.
const maxDigits = 4300

// maxNumber is how many characters a number of another base may have. What is
// above Python's limit cannot be written as JSON anyway, and each use of a large
// number costs time.
const maxNumber = 20_000

var (
	errLongNumber    = fmt.Errorf("it has more than %d characters", maxNumber)
	errTooManyDigits = fmt.Errorf("it has more than %d digits", maxDigits)
	errNotDigits     = errors.New("it must have digits only")
)

// pyInt reads an int as Python's int(text, base) does, for text without
// underscores: white space around it, a sign, the prefix of the base and the
// digits of any script are fine.
func pyInt(text string, base int) (*big.Int, error) {
	digits, negative := trimSign(ASCIIDigits(strings.TrimSpace(text)))
	prefix := map[int]string{2: "0b", 8: "0o", 16: "0x"}[base]
	if prefix != "" && len(digits) > 1 && lowerASCII(digits[:2]) == prefix {
		digits = digits[2:]
	}
	for _, r := range digits {
		if d := hexDigit(r); d < 0 || d >= base {
			return nil, errNotDigits
		}
	}
	if base == 10 && len(digits) > maxDigits {
		return nil, errTooManyDigits
	}
	if base == 8 { // math/big is slow with many octal digits, but not with binary ones
		digits, base = binaryDigits(digits), 2
	}
	i, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return nil, errNotDigits
	}
	if negative {
		i.Neg(i)
	}
	return i, nil
}

// binaryDigits writes octal digits as binary ones.
func binaryDigits(octal string) string {
	b := make([]byte, 0, 3*len(octal))
	for _, d := range []byte(octal) {
		b = append(b, '0'+d>>2&1, '0'+d>>1&1, '0'+d&1)
	}
	return string(b)
}

func trimSign(s string) (rest string, negative bool) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[1:], s[0] == '-'
	}
	return s, false
}

// ASCIIDigits turns decimal digits of any script into those of ASCII.
func ASCIIDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf || !unicode.Is(unicode.Nd, r) {
			return r
		}
		return '0' + digitValue(r)
	}, s)
}

// digitValue gives the value of a decimal digit outside ASCII: Unicode has
// them in runs from zero to nine.
func digitValue(r rune) rune {
	for _, run := range unicode.Nd.R16 {
		if r >= rune(run.Lo) && r <= rune(run.Hi) {
			return (r - rune(run.Lo)) % 10
		}
	}
	for _, run := range unicode.Nd.R32 {
		if r >= rune(run.Lo) && r <= rune(run.Hi) {
			return (r - rune(run.Lo)) % 10
		}
	}
	return 0
}

func readFloat(v *Value, text string) error {
	v.Kind = Float
	rest, negative := splitSign(text)
	rest = lowerASCII(rest)
	var err error
	switch rest {
	case ".inf":
		v.Float = math.Inf(1)
	case ".nan":
		v.Float = math.NaN()
		return nil
	default:
		v.Float, err = sexagesimalFloat(strings.Split(rest, ":"))
	}
	if err != nil {
		return fmt.Errorf("%s is no number: %w", quoted(text), err)
	}
	if negative {
		v.Float = -v.Float
	}
	return nil
}

// sexagesimalFloat computes a:b:c.d in base 60, adding in the order PyYAML
// adds, so that the rounding is the same.
func sexagesimalFloat(parts []string) (float64, error) {
	if len(parts) == 1 {
		return pyFloat(parts[0])
	}
	sum, base := 0.0, big.NewInt(1)
	for i := len(parts) - 1; i >= 0; i-- {
		f, err := pyFloat(parts[i])
		if err != nil {
			return 0, err
		}
		scale, _ := new(big.Float).SetInt(base).Float64()
		if math.IsInf(scale, 0) {
			return 0, errors.New("it is too large")
		}
		sum += f * scale
		base.Mul(base, big.NewInt(60))
	}
	return sum, nil
}

var pyFloatForm = regexp.MustCompile(`^[-+]?(?:[0-9]+\.?[0-9]*(?:e[-+]?[0-9]+)?|\.[0-9]+(?:e[-+]?[0-9]+)?|inf|infinity|nan)$`)

// pyFloat reads a float as Python's float(text) does, for lower-case text
// without underscores.
func pyFloat(text string) (float64, error) {
	text = ASCIIDigits(strings.TrimSpace(text))
	if !pyFloatForm.MatchString(text) {
		return 0, errNotDigits
	}
	if strings.HasSuffix(text, "nan") {
		return math.NaN(), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // too large is infinite, as in Python
		return 0, errNotDigits
	}
	return f, nil
}

var timestampParts = regexp.MustCompile(`^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})` +
	`(?:(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?` +
	`(?:[ \t]*(Z|([-+])([0-9]{1,2})(?::([0-9]{2}))?))?)?\n?$`)

func readTimestamp(v *Value, text string) error {
	m := timestampParts.FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("%s is no date: it must look like 2024-01-31 or 2024-01-31 12:00:00", quoted(text))
	}
	var n [12]int
	for i, part := range m {
		if i > 0 && i != 7 {
			n[i], _ = strconv.Atoi(part) // at most four digits; signs give 0
		}
	}
	v.Kind, v.Time = Date, time.Date(n[1], time.Month(n[2]), n[3], 0, 0, 0, 0, time.UTC)
	if n[1] < 1 || v.Time.Day() != n[3] || int(v.Time.Month()) != n[2] {
		return fmt.Errorf("the date %s does not exist", quoted(text))
	}
	if m[4] == "" {
		return nil
	}
	if n[4] > 23 || n[5] > 59 || n[6] > 59 {
		return fmt.Errorf("the time of %s does not exist", quoted(text))
	}
	zone, offset := time.UTC, (n[10]*60+n[11])*60
	if offset >= 24*60*60 {
		return fmt.Errorf("the time zone of %s is a day or more away", quoted(text))
	}
	if m[9] == "-" {
		offset = -offset
	}
	if offset != 0 {
		zone = time.FixedZone("", offset)
	}
	micros, _ := strconv.Atoi((m[7] + "000000")[:6])
	v.Kind, v.Naive = DateTime, m[8] == ""
	v.Time = time.Date(n[1], time.Month(n[2]), n[3], n[4], n[5], n[6], micros*1000, zone)
	return nil
}

func readBinary(v *Value, text string) error {
	v.Kind = Bytes
	data, err := decodeBase64(text)
	if err != nil {
		return err
	}
	v.Str = string(data)
	return nil
}

// decodeBase64 reads base64 as lenient as Python: other characters are passed
// over, and what follows the padding is ignored.
func decodeBase64(text string) ([]byte, error) {
	var data []byte
	var group uint
	have, pads := 0, 0
	for i := 0; i < len(text); i++ {
		if text[i] >= 0x80 {
			return nil, errors.New("base64 data must be ASCII")
		}
	}
	for i := 0; i < len(text); i++ {
		if text[i] == '=' {
			if have >= 2 {
				if pads++; have+pads >= 4 {
					return data, nil
				}
			}
			continue
		}
		d := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", text[i])
		if d < 0 {
			continue
		}
		pads = 0
		group = group<<6 | uint(d)
		if have++; have > 1 {
			data = append(data, byte(group>>(8-2*uint(have))))
		}
		have %= 4
	}
	if have != 0 {
		return nil, errors.New("the base64 data is not complete")
	}
	return data, nil
}
