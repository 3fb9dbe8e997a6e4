package courseconfig

// The patterns of the schemas use only what every engine of regular
// expressions knows: editors have that of JavaScript, jsonschema that of
// Python, others RE2. Python reads digits and space of all scripts, for which
// the engines have no common name, so that any character outside ASCII may
// stand for one.
const (
	patternSpace = `(?:[\x09-\x0d\x1c-\x20]|[^\x00-\x7f])*`
	patternDigit = `(?:[0-9]|[^\x00-\x7f])`
	patternWhole = patternDigit + `(?:_?` + patternDigit + `)*`
	patternZero  = `(?:0|[^\x00-\x7f])(?:_?(?:0|[^\x00-\x7f]))*`
	patternOne   = `(?:0_?)*(?:[1-9]|[^\x00-\x7f])(?:_?` + patternDigit + `)*`

	wholePattern    = `^` + patternSpace + `[+-]?` + patternWhole + patternSpace + `$`
	naturalPattern  = `^` + patternSpace + `(?:\+?` + patternWhole + `|-` + patternZero + `)` + patternSpace + `$`
	positivePattern = `^` + patternSpace + `\+?` + patternOne + patternSpace + `$`

	// A fraction without exponent has at most a one before its point.
	patternZeros    = `(?:\.(?:0|_|[^\x00-\x7f])*)?`
	patternPart     = `(?:\.(?:` + patternDigit + `|_)*)?`
	fractionPattern = `^` + patternSpace + `(?:` +
		`\+?(?:(?:0|[^\x00-\x7f])(?:0|_|[^\x00-\x7f])*(?:` + patternPart + `|1` + patternZeros + `)|1` + patternZeros + `|\.` + patternWhole + `)` +
		`|-(?:0|_|\.|[^\x00-\x7f])+` +
		`|[+-]?(?:` + patternDigit + `|_|\.)+[eE][+-]?` + patternWhole + `)` + patternSpace + `$`

	simpleSpanPattern = `^` + patternSpace + `[+-]?` + patternWhole + patternSpace + `[` + simpleUnits + `]$`
	isoSpanPattern    = `^[-+]?P(?:` + patternLength + `D)?(?:T(?:` + patternLength + `H)?(?:` + patternLength + `M)?(?:` + patternLength + `S)?)?\n?$`
	patternLength     = patternDigit + `+(?:.` + patternDigit + `+)?`
	clockSpanPattern  = `^(?:-?` + patternDigit + `+ (?:days?, )?)?(?:-?` + patternDigit + `+:){0,2}-?` + patternDigit + `+(?:\.` + patternDigit + `+)?\n?$`

	pathPattern         = `^[^\x00]*$`
	publicPathPattern   = `^[^/\x00][^\x00]*$|^$`
	relativePathPattern = `^[^/]|^$`

	// Keys of exercise configurations: no bar with a word after it, or one of the
	// tags, after which the name is looked at again.
	patternTags     = `(?:\|(?:i18n|rst))+$`
	anyTagPattern   = `^[^\n]+\|[0-9A-Za-z_]+$`
	knownTagPattern = `^(?:[^|]*|\|[0-9A-Za-z_]*|[^\x00]*\|[^|]*[^|0-9A-Za-z_][^|]*|[^\x00]*\|)` + patternTags
)
