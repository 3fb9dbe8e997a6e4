"""Writes split.json: what Python's shlex.split makes of many texts."""
import json
import random
import shlex

given = ["", " ", "make html", "a  b\tc\r\nd", "''", "a '' b", '""', "a'b'c", 'a"b c"d', r"a\ b", r"a\\b", "a\\\nb",
         "\"a\\\nb\"", r"'a\b'", r'"a\"b"', r'"a\b"', r'"\$x `y`"', "a # b", "#a", "a'b", 'a"b', "a\\", '"a\\', "a;b|c>d&",
         "$HOME ~ *", "ä 'ö ü' \\é", "a\u00a0b", "a\vb\fc", "a=\"b c\" d", "'it'\\''s'", "\x00 a", "'''a'''", '"\'" \'"\'']
draw = random.Random(1)
for _ in range(400):
    given.append("".join(draw.choice("ab '\"\\\n\t#$é") for _ in range(draw.randrange(1, 14))))


def split(text):
    try:
        return shlex.split(text)
    except ValueError:
        return None


with open("split.json", "w", encoding="utf-8") as out:
    json.dump([{"text": t, "words": split(t)} for t in given], out, indent=None, separators=(",", ":"))
    out.write("\n")
