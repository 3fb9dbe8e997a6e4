package pyvalue_test

import (
	"fmt"
	"strings"
)

func borderCases() []string {
	cases := []string{
		"%YAML 1.1\n---\na", "%YAML 1.99\n---\na", "%YAML 2.0\n---\na", "%YAML 01.1\n---\na", "%YAML 1.1\n%YAML 1.1\n---\na", "%YAML 1\n---\na", "%YAML 1.1 # c\n---\na", "%YAML  1.1x\n---\n",
		"%TAG ! tag:yaml.org,2002:\n---\n!str 5", "%TAG !! !x\n---\n!!str 5", "%TAG !a! x\n%TAG !a! y\n---\na", "%TAG !a x\n---\na", "%TAG !a!x\n---\na", "%FOO bar baz\n---\na", "%FOO\tbar\n---\na", "[\n%x\n]",
		"!<tag:yaml.org,2002:int> \"5\"", "!<tag:yaml.org,2002:in%74> 5", "!!in%74 5", "!!in%C3%A4 5", "!!in%FF 5", "!!in%4 5", "!!int%", "!<!> 5", "!<> 5", "!<x 5", "!a!b 5", "!!", "! 5", "! '5'", "! [5]", "! {a: 1}", "!\n5", "!",
		"! |\n 123\n", "! \"yes\\n\"", "! \"12\\n\"", "! \"1.5\\n\"", "! \"~\\n\"", "! \"\\n\"", "! \"2024-01-01\\n\"", "! \"2024-01-01 01:02:03\\n\"", "! \"<<\\n\"", "! \"1\\n\\n\"", "! ''",
		"{<<: {a: 1}, a: 2}", "{a: 2, <<: {a: 1}}", "{<<: [{a: 1}, {a: 2, b: 3}]}", "{<<: {a: 1}, <<: {a: 2}}", "{<<: {<<: {a: 1}, b: 2}, c: 3}", "{\"<<\": {a: 1}}", "{! \"<<\": {a: 1}}", "{!!merge x: {a: 1}}", "{!!str <<: {a: 1}}", "{<<: []}", "{<<: }", "{<<: [[]]}", "{<<: !!set {a}}", "{<<: !!omap {a: 1}}", "{? <<}", "[<<]", "<<", "<<:\n- {a: 1}\n- {b: 2}",
		"{=: 1}", "[=]", "{a: !!str {=: x}}", "!!int {=: 5}", "!!float {=: {=: 1.5}}", "!!timestamp {=: 2024-01-01}", "!!null {=: x}", "!!null {}", "!!str {a: b}", "!!binary {=: aGk=}", "!!bool {b: 1, =: yes}",
		"- &a !!str {=: foo}\n- {<<: *a}", "- {<<: &a !!str {=: foo}}\n- *a", "- [{<<: &a !!str {=: foo}}]\n- [[*a]]", "- !!str &a {=: foo}\n- [{<<: *a}]\n- [[[*a]]]",
		"!!set {a, b, a}", "!!set {a: 1, b}", "!!set [a]", "!!set", "!!set {[]}", "!!set {1, true, 1.0}", "!!set\n? a\n? b", "!!omap [a: 1, b: 2]", "!!omap [a: 1, a: 2]", "!!omap {a: 1}", "!!omap [a]", "!!omap [{a: 1, b: 2}]", "!!omap [{}]", "!!omap [<<: {a: 1}]", "!!omap\n- a: 1\n- [b]: 2", "!!pairs [a: 1, a: 2]", "!!pairs [{a: 1, b: 2}]", "!!pairs\n- a: 1\n",
		"!!seq {a: 1}", "!!seq x", "!!seq", "!!map [a]", "!!map x", "!!map", "!!str [a]", "!!str", "!!str ~", "!!int", "!!null", "!!null x", "!!null []", "!!bool YES", "!!bool y", "!!bool ''",
		"{1: a, true: b, 1.0: c}", "{0: a, false: b, 0.0: c, -0.0: d}", "{.nan: 1, .nan: 2}", "{.nan: 1, -.inf: 2, .inf: 3, .INF: 4}", "{100000000000000000000: 1, 1.0e+20: 2}", "{9007199254740993: 1, 9007199254740992.0: 2}", "{2024-01-01: 1, 2024-01-01: 2}",
		"{2024-01-01 12:00:00Z: 1, 2024-01-01 14:00:00+02: 2}", "{2024-01-01 12:00:00: 1, 2024-01-01 12:00:00Z: 2}", "{2024-01-01: 1, 2024-01-01 00:00:00: 2}", "{!!binary YQ==: 1, a: 2}", "{a: 1, b: 2, a: 3}", "{~: 1, null: 2, '': 3, : 4}", "{!!set {a}: 1}", "{!!omap []: 1}",
		"0001-01-01", "0000-01-01", "9999-12-31 23:59:59.999999", "0001-01-01 00:00:00 +23:59", "2023-02-29", "2024-02-29", "1900-02-29", "2024-13-01", "2024-00-10", "2024-01-00", "2024-01-01 23:60:00", "2024-01-01 23:59:60", "2024-01-01T12:00:00-00:00", "2024-01-01T12:00:00.1234567Z", "2024-01-01T12:00:00.", "2024-01-01T12:00:00+2:3",
		"!!timestamp 2024-1-1", "!!timestamp 2024", "!!timestamp ' 2024-01-01'", "!!timestamp \"2024-01-01\\n\"", "!!timestamp [2024-01-01]",
		"0b", "0b_", "0x", "0x_", "0_", "0_8", "08", "0o7", "00", "-0", "+0x1f", "-0b101", "-017", "1_", "_1", "1__2", "1:0", "1:5", "01:05", "1:59:59", "1:60", "-1:30", "1_0:3", "1:3_0", "12345678901234567890", "1.", "-1.", ".1", "-.1", "+1.5", "1.5e+3", "1.5e3", "1.5E-3", "1e+3", "._1", "1_.5", "1._5", "1.5_", ".", "..", "-", "+", "-.inf", "+.Inf", ".iNF", "-.nan", "1:30.5", "1:60.5", "01:30.", "1:1:1.25", "1.5:30", "0.1e+400", "0.1e-400",
		"!!int 0o17", "!!int 0b0b1", "!!int 0x0X1f", "!!int 0x-5", "!!int --5", "!!int '- 5'", "!!int ' 5 '", "!!int \"5\\u00a0\"", "!!int \"\\x1c5\"", "!!int ٣", "!!int 0٣", "!!int 1:-5", "!!int 1:٣", "!!int 0:30", "!!int ':'", "!!int '5:'", "!!int 5.0", "!!int 1e3", "!!int '+'", "!!int ''", "!!int 00017", "!!int 0b", "!!int 𝟗", "!!int ²", "!!int 0B1", "!!int 0X1f", "!!int 09",
		"!!float 1", "!!float 1e3", "!!float 1E3", "!!float inf", "!!float -Infinity", "!!float +nan", "!!float --nan", "!!float '- 1'", "!!float ' 1 '", "!!float 0x1p2", "!!float 1_0", "!!float ٣.٥", "!!float '1:'", "!!float 1:inf", "!!float 1:-30", "!!float 1e400", "!!float .", "!!float 1.e5", "!!float .e5", "!!float 1e", "!!float in_f", "!!float \u0130nf",
		"!!binary a", "!!binary ab", "!!binary abc", "!!binary abcd", "!!binary ab==", "!!binary ab=", "!!binary ab=c", "!!binary ab=c=", "!!binary abc=d", "!!binary a=b=c=d=", "!!binary =", "!!binary ====", "!!binary 'a b c d'", "!!binary a-b_", "!!binary ä", "!!binary abcd==ef", "!!binary ab==cd", "!!binary abcde", "!!binary |\n YWJj\n ZGVm\n", "!!binary ab=c==",
		"\ufeffa: b", "\ufeff\ufeffa: b", "\ufeff  a: b\n  c: d", "a: b\n\ufeffc: d", "\ufeff---\na", "\ufeff%YAML 1.1\n---\na", "- \ufeffa: b\n   c: d", "\ufeff", "a: \ufeff", " \ufeffa: 1\n b: 2",
		"\xff\xfea\x00:\x00 \x00b\x00", "\xfe\xff\x00a\x00:\x00 \x00b", "\xff\xfe", "\xff\xfea", "\xff\xfe=\xd8\x00\xde", "\xff\xfe=\xd8", "\xff\xfe\x00\xde", "\xff\xfe=\xd8a\x00", "\xff\xfe\x07\x00", "\xfe\xff\xd8\x3d\xde\x00", "\xff\xfe\xff\xfea\x00",
		"a\x85b: c", "a: b\u2028c: d", "a: 'b\u2028c'", "a: 'b\u2028\u2029\n c'", "a: b\u2028 c", "a: |\n b\u2028 c\n", "a: >\n b\u2028 c\n d\n", "a: \"b\\\u2028 c\"", "a: b\r c\r\n d", "a: >\r\n b\r\n c\r\n", "\u2028a: b", "- a\x85- b",
		"a: \"\\ud83d\\ude00\"", "a: \"\\U0010FFFF\"", "a: \"\\U00110000\"", "a: \"\\UFFFFFFFF\"", "a: \"\\x0\"", "a: \"\\\tb\"", "a: \"\\0\"", "a: \"b\\\n   c\"", "a: \"b \\\n\n   c\"", "a: \"b\t\n\tc\"",
		"\x7f", "\u0080", "\u009f", "\u00a0", "\ufffe", "\uffff", "\ufffd", "\ue000", "\U0010ffff", "\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80", "\xe4",
		"a: |\n\n  b\n\n\n c", "a: |2\n  b\n   c", "a: |1-\n b\n\n", "a: |+2\n   b\n\n", "a: |-+\n b", "a: |12\n b", "a: |0\n b", "a: |\n   \n  b", "a: |\n    \n  b", "a: >\n\n b\n\n  c\n d\n\n\n e\n", "a: >-\n b\n\tc\n d", "a: |\n b\n#c\nd: e", "a: | # c\n b", "a: |#c\n b", "a: |\n", "a: |+\n\n\n", "|\n a", "|\na", "- |\n a\n- >\n b", "a: |\n b\n---\n", "--- |\n a\n", "--- >\n a\n b\n...\n", "- - |\n   a\n - b", "a: |9\n         b", "|1\n a\n  b",
		"a:\n- b\nc: d", "a:\n - b\n- c", "- a\n b", "- a: b\n  c: d\n e: f", "? a\n: b\n? c\n", "? - a\n  - b\n: c", "? |\n a\n: b", "? a: b\n: c", ": a", "a: ? b", "- ? a\n  : b", "?", ":", "-", "- - - a", "-\n  -\n    - a", "- a\n-b", "a:\n  ? b", "? a\n? b\n: c", "a : b", "a :b", "a: :b", "a: b :c", "? a : b", "'a' : b", "\"a\"\n: b", "[a]: b", "[a\n]: b", "&a b: c", "&a : c", "*a : c", "&a\nb: c", "!!str\na: b", "&a !!str b: c", "a: &b\nc: *b", "a: &b", "a: !!str\nb: c", "a: &b &c d", "a: !!str !!int 5", "- &a\n- *a", "&a - b", "&a\n- b", "a: &b\n- c", "a:\n  &b\n  c: d",
		"[a, b,]", "[,]", "[a,,b]", "[a b]", "[a: b, c]", "[? a : b]", "[? a]", "[? ]", "[: a]", "[a:b]", "[a :b]", "[\"a\":b]", "['a':b]", "[a]:b", "{a}", "{a,}", "{,}", "{a: }", "{a:}", "{a:b}", "{a :b}", "{\"a\":b}", "{? a}", "{? a : b}", "{?a: b}", "{a?b: c}", "[a?]", "{: b}", "{a: b c: d}", "{a: [b}", "{a: b]", "[[a]: b]", "{{a: 1}: 2}", "{[a]: 2}", "{[a] : 2}", "[- a]", "{- a}", "[-a]", "[a - b]", "[-]", "[a#b]", "[a #b\n]", "[a\n#b\n,c]", "[|\n a]", "[>]", "{a: |\n b}", "[a\n---\n]", "[a\n--- b]", "['a\n--- b']", "a\n--- b", "a\n...", "a\n... b", "a\n---b", "[a, b]: c\n", "{a: b}: c", "[a,\nb]\n", "a: [\nb]", "a: [\n]", "[a]]", "[a}", "{a]", "]", "}", "a: ]", "[http://a]", "{a: http://b}", "{http://a: b}", "[a:]", "[a: ]", "[a: , b]", "{a: , b}", "[ a : b : c ]", "{ a : b : c }", "{'a': 'b', \"c\": \"d\"}", "[a, [b: c]]", "[ [] : a ]",
		"a\tb", "a: b\tc", "a:\tb", "a: b\t", "-\ta", "- \ta", "?\ta", "\t", "a\n\t", "a:\n\t\n  b", "# c\t\na", "'a\tb'", "[a,\tb]", "[a\t]", "a: 'b'\t", "a: |\t\n b", "a: |\n \tb", "--- \ta", "---\ta", "...\t", "%YAML 1.1\t\n---\n", "&a\tb", "*a\tb", "!!str\tb", "a: \"b\"\t#c",
		"#", "# c", "a #c", "a# c", "a:#c", "a: #c", "a: 'b'#c", "a: 'b' #c", "[a]#c", "- #c\n  a", "a: b\n#c\n  d", "a: b\n #c\n c: d", "a: 'b\n#c'", "a #c\nb", "a: b #c\n  d", "? #c\n a\n: #d\n b",
		"---", "--- ", "---\n---", "...", "---\n...\n...\n", "--- a", "--- a: b", "--- - a", "--- [a]", "---a", "--- #c\na", "a\n---", "a\n...\n#c\n", "a\n...\nb", "---\n--- a", "--- !!str\n", "--- &a\n", " ---\na", " ---", "a: ---", "a: ...", "- ---", "--- ---", "-- a", "---- a", "'---'", "\n\n", " ", "  \n  ", "%", "%a", "% a", "a\n%b", "a: b\n%c: d", "---\n%a", "'\n%a'", "[\n %a]",
		"&a1-_ b", "&a.b c", "&ä b", "& b", "*", "* a", "*a", "&a", "&a &a", "[&a b, *a]", "[&a b, *a, c]", "{&a b: *a}", "{*a : b}", "[&a,*a]", "&a]", "[&a b,*a]", "&a: b", "*a: b", "- &a b\n- *a: c", "- &a b\n- *a : c", "- &a [b]\n- *a : c", "- &a b\n- {*a: c}", "- &a b\n- {*a : c}", "- &a b\n- *a c", "- &a b\n- !!str *a", "- &a b\n- &b *a", "&a? b", "&a% b", "&a@ b", "&a` b", "&a\\ b",
	}
	for _, n := range []int{1022, 1023, 1024, 1025, 1026} {
		key := strings.Repeat("k", n)
		for _, form := range []string{"%s: v", "a: 1\n%s: v", "'%s': v", "{%s: v}", "{'%s': v}", "[%s: v]", "{a: 1, '%s': v}", "&a %s: v", "!!str %s: v", "[%s]: v", "? %s\n: v", "a: 1\n[%s]: v", "{%s : v}", "{? %s : v}", "- %s: v", "{%s, b}", "[[%s], b]: v"} {
			cases = append(cases, fmt.Sprintf(form, key))
		}
	}
	for _, n := range []int{172, 173, 174, 175, 200} {
		cases = append(cases, "1"+strings.Repeat(":59", n), "1"+strings.Repeat(":59", n)+".5")
	}
	for _, n := range []int{4299, 4300, 4301} {
		digits := strings.Repeat("1", n)
		cases = append(cases, digits, "-"+digits, "1_"+digits, "!!int '"+digits+"'", digits+":5", "0"+digits, digits+".5", "{"+digits+": a}")
	}
	cases = append(cases, "0x"+strings.Repeat("f", 3571), "0x"+strings.Repeat("f", 3570), "0b"+strings.Repeat("1", 14284), "0b"+strings.Repeat("1", 14285), "0b"+strings.Repeat("1", 14286), "{0x"+strings.Repeat("f", 4000)+": 1}")
	return cases
}

func jsonBorderCases() []string {
	return []string{
		strings.Repeat("1", 4300), strings.Repeat("1", 4301), "-" + strings.Repeat("1", 4300), "-" + strings.Repeat("1", 4301),
		"1e308", "1e309", "-1e309", "1e-400", "1E5", "0e0", "-0", "[1e5, 1.0, 100000000000000000000.0]",
		`"\ud83d\ude0"`, `"\ud83d\u"`, `"\ud83d\`, `"\uD83D\uDE00"`, `"\ude00\ud83d"`, "\u00a0[]", "[]\u2028", "[\x0b]", `{"a": {"a": 1}, "a": 2}`,
		"NaN", "-Infinity", "Infinity", "-NaN", "nan", "[NaN]", `{"a": 1, "a": 2}`, `{"a": {"b": 1}, "a": {"c": 2}}`, "123456789012345678901234567890", "-0.0", "1E400",
		`"\ud800"`, `"\udc00\ud800"`, `"\ud800\udc00"`, `{"\ud800": 1}`, "\ufeff{}", "{} {}", "{}x", "[1,]", `{"a":1,}`, "{'a': 1}", "{a: 1}", "// c\n1", "01", "+1", ".5", "1.", "0x1", "1_000",
		"\"a\nb\"", "\"a\tb\"", "\"\x7f\"", `"\u00"`, `"\x41"`, `"\'"`, "tru", "True", "None", "", " ", "null ", "\x00", "\xff", `["a", "b" "c"]`, `{"a" 1}`, `{"a"}`, "[", "{", `"`,
	}
}
