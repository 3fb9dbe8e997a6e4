package rst

func formula(tex string, _ bool) string { return encode(tex) }
