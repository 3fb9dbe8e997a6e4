package djtemplate

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"coursewright/internal/courseconfig/pyvalue"
)

// add adds whole numbers, else joins texts or lists; nothing is shown for what
// does not add.
func add(in filterInput) (val, error) {
	a, errA := toInt(in.value)
	b, errB := toInt(in.arg)
	if errA == nil && errB == nil {
		return intVal(new(big.Int).Add(a, b)), nil
	}
	if errors.Is(errA, errInfinite) || errA == nil && errors.Is(errB, errInfinite) {
		return val{}, errInfinite
	}
	v, arg := in.value, in.arg
	switch {
	case isNumber(v) && isNumber(arg):
		x, _ := toFloat(v)
		y, _ := toFloat(arg)
		return floatVal(x + y), nil
	case v.is(pyvalue.String) && arg.is(pyvalue.String):
		if v.isSafe() && arg.isSafe() {
			return safeText(v.p.Str + arg.p.Str), nil
		}
		return text(v.p.Str + arg.p.Str), nil
	case v.is(pyvalue.List) && arg.is(pyvalue.List) && v.form == arg.form && v.p.Tuple == arg.p.Tuple && v.indexable():
		if err := in.r.charge(costVisit * (len(v.p.Items) + len(arg.p.Items))); err != nil {
			return val{}, err
		}
		items := append(append([]*pyvalue.Value{}, v.p.Items...), arg.p.Items...)
		sum := listVal(items, v.form)
		sum.p.Tuple = v.p.Tuple
		return sum, nil
	}
	return text(""), nil
}

func defaultFilter(in filterInput) (val, error) {
	if in.value.truthy() {
		return in.value, nil
	}
	return in.arg, nil
}

func defaultIfNone(in filterInput) (val, error) {
	if in.value.is(pyvalue.Null) {
		return in.arg, nil
	}
	return in.value, nil
}

func divisibleBy(in filterInput) (val, error) {
	a, err := toInt(in.value)
	if err != nil {
		return val{}, err
	}
	b, err := toInt(in.arg)
	if err != nil {
		return val{}, err
	}
	if b.Sign() == 0 {
		return val{}, fmt.Errorf("cannot divide by zero")
	}
	return boolVal(new(big.Int).Rem(a, b).Sign() == 0), nil
}

func getDigit(in filterInput) (val, error) {
	place, err := toInt(in.arg)
	if err == nil {
		var value *big.Int
		if value, err = toInt(in.value); err == nil {
			return digit(value, place)
		}
	}
	if isMisspelt(err) {
		return in.value, nil
	}
	return val{}, err
}

func digit(value, place *big.Int) (val, error) {
	if place.Sign() < 1 {
		return intVal(value), nil
	}
	s := value.String()
	if !place.IsInt64() || place.Int64() > int64(len(s)) {
		return number(0), nil
	}
	c := s[len(s)-int(place.Int64())]
	if c == '-' {
		return val{}, fmt.Errorf("%s has no digit number %s", shorten(s), place)
	}
	return number(int(c - '0')), nil
}

// yesNo chooses between two or three words for true, false and null.
func yesNo(in filterInput) (val, error) {
	words := []string{"yes", "no", "maybe"}
	if in.hasArg && !in.arg.is(pyvalue.Null) {
		if !in.arg.is(pyvalue.String) {
			return val{}, fmt.Errorf("the argument must be a text such as \"yes,no\"")
		}
		words = strings.Split(in.arg.p.Str, ",")
	}
	switch {
	case len(words) < 2:
		return in.value, nil
	case in.value.truthy():
		return text(words[0]), nil
	case in.value.is(pyvalue.Null) && len(words) == 3:
		return text(words[2]), nil
	}
	return text(words[1]), nil
}

// pluralize chooses the ending for a number, a text with a number, or the
// length of a list.
func pluralize(in filterInput) (val, error) {
	arg := "s"
	if in.hasArg {
		if !in.arg.is(pyvalue.String) {
			return val{}, fmt.Errorf("the argument must be a text such as \"y,ies\"")
		}
		arg = in.arg.p.Str
	}
	if !strings.Contains(arg, ",") {
		arg = "," + arg
	}
	endings := strings.Split(arg, ",")
	if len(endings) > 2 {
		return text(""), nil
	}
	ending := func(one bool) (val, error) {
		if one {
			return text(endings[0]), nil
		}
		return text(endings[1]), nil
	}
	if f, ok := toFloat(in.value); ok {
		return ending(f == 1)
	}
	if n, ok := in.value.length(); ok && !in.value.is(pyvalue.String) {
		return ending(n == 1)
	}
	return text(""), nil
}

// floatFormat rounds half up to a number of places; a negative number means no
// places for whole numbers. The suffix g groups thousands, u does nothing here.
func floatFormat(in filterInput) (val, error) {
	arg := text("-1")
	if in.hasArg {
		arg = in.arg
	}
	grouped := false
	if arg.is(pyvalue.String) {
		s := arg.p.Str
		for range 2 {
			if t := strings.TrimSuffix(s, "g"); t != s {
				grouped, s = true, t
			}
			s = strings.TrimSuffix(s, "u")
		}
		if s == "" && arg.p.Str != "" {
			s = "-1"
		}
		arg = text(s)
	}
	shown := pyrepr(in.value)
	d, ok := toDecimal(in.value)
	if !ok {
		if _, isNumber := toFloat(in.value); !isNumber {
			shown = ""
		}
		return text(shown), nil
	}
	p, err := toInt(arg)
	if err != nil {
		if arg.is(pyvalue.String) {
			return text(shown), nil
		}
		return val{}, err
	}
	if len(d.digits)+abs(d.exponent) > 200 || !p.IsInt64() || p.Int64() > 1000 || p.Int64() < -1000 {
		return text(shown), nil
	}
	places := int(p.Int64())
	if places < 0 && d.isWhole() {
		places = 0
	}
	s := d.round(abs(places)).plain()
	if grouped {
		s = groupThousands(s)
	}
	return safeText(s), nil
}

// toDecimal is the number that the digits of a value show.
func toDecimal(v val) (decimal, bool) {
	switch v.p.Kind {
	case pyvalue.Int, pyvalue.Float:
		return parseDecimal(pyrepr(v))
	case pyvalue.Bool:
		return parseDecimal(map[bool]string{true: "1.0", false: "0.0"}[v.p.Bool])
	case pyvalue.String:
		f, ok := parseFloat(v.p.Str)
		if !ok {
			return decimal{}, false
		}
		return parseDecimal(pyFloat(f))
	default:
	}
	return decimal{}, false
}

func groupThousands(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, fraction, hasPoint := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasPoint {
		whole += "." + fraction
	}
	return sign + whole
}

// fileSizeFormat shows bytes in the unit that fits.
func fileSizeFormat(in filterInput) (val, error) {
	n, err := toInt(in.value)
	if errors.Is(err, errInfinite) {
		return val{}, err
	}
	if err != nil {
		n = new(big.Int)
	}
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
	}
	size, _ := new(big.Float).SetInt(new(big.Int).Abs(n)).Float64()
	const space = "\u00a0"
	if size < 1024 {
		unit := "bytes"
		if size == 1 {
			unit = "byte"
		}
		return text(sign + strconv.FormatFloat(size, 'f', 0, 64) + space + unit), nil
	}
	units := []string{"KB", "MB", "GB", "TB", "PB"}
	i := 0
	for size /= 1024; size >= 1024 && i < len(units)-1; i++ {
		size /= 1024
	}
	return text(sign + strconv.FormatFloat(size, 'f', 1, 64) + space + units[i]), nil
}
