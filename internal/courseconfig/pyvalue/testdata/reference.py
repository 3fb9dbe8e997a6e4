"""Answers, line by line, what Python makes of documents.

In: one JSON object a line, {"kind": "yaml" or "json", "data": base64}.
Out: one JSON object a line, {"error": text} or {"dump", "repr", "str" (as hex), "json", "places"}.
"""
import base64
import datetime
import json
import math
import sys

import yaml


def dump(v):
    if v is None or isinstance(v, bool):
        return json.dumps(v)
    if isinstance(v, int):
        return "int" + hex(v)  # has no limit of digits, other than repr
    if isinstance(v, float):
        return "float" + repr(v)
    if isinstance(v, str):
        return json.dumps(v)
    if isinstance(v, bytes):
        return "bytes" + v.hex()
    if isinstance(v, datetime.date):
        return repr(v)
    if isinstance(v, dict):
        return "{" + ", ".join(dump(k) + ": " + dump(w) for k, w in v.items()) + "}"
    parts = [dump(w) for w in v]
    if isinstance(v, set):
        parts.sort()
    return type(v).__name__ + "(" + ", ".join(parts) + ")"


class Encoder(json.JSONEncoder):
    def default(self, o):
        if isinstance(o, datetime.datetime):
            text = o.isoformat()
            if o.microsecond:
                text = text[:23] + text[26:]
            return text[:-6] + "Z" if text.endswith("+00:00") else text
        if isinstance(o, datetime.date):
            return o.isoformat()
        return super().default(o)


def has_infinite(v):
    if isinstance(v, dict):
        return any(has_infinite(w) for w in v.values())
    if isinstance(v, (list, tuple)):
        return any(has_infinite(w) for w in v)
    return isinstance(v, float) and not math.isfinite(v)


def encoded(v):
    if has_infinite(v):
        return "error"
    try:
        return json.dumps(v, cls=Encoder)
    except (TypeError, ValueError):
        return "error"


def has_set(v):
    if isinstance(v, dict):
        return any(has_set(w) for w in v.values())
    if isinstance(v, (list, tuple)):
        return any(has_set(w) for w in v)
    return isinstance(v, set)


def places(node):
    """Lists where the nodes start, as 1-based line and column."""
    out = [[node.start_mark.line + 1, node.start_mark.column + 1]]
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            for part in pair:
                out += places(part)
    elif isinstance(node, yaml.SequenceNode):
        for part in node.value:
            out += places(part)
    return out


def answer(kind, data):
    try:
        v = yaml.safe_load(data) if kind == "yaml" else json.loads(data.decode("utf-8"))
        texts = {"repr": "", "str": ""}
        if not has_set(v):
            try:
                texts = {"repr": repr(v), "str": str(v).encode("utf-8", "surrogatepass").hex()}
            except ValueError:
                pass  # a number with too many digits
        small = kind == "yaml" and len(data) < 4096  # a second reading takes long
        node = yaml.compose(data, Loader=yaml.SafeLoader) if small else None
        return {"dump": dump(v), "json": encoded(v), "places": places(node) if node else [], **texts}
    except Exception as e:
        return {"error": type(e).__name__ + ": " + str(e)}


for line in sys.stdin:
    case = json.loads(line)
    print(json.dumps(answer(case["kind"], base64.b64decode(case["data"]))), flush=True)
