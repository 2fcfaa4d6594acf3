"""What pydantic complains of, in a person's words: which field, what came, what is expected."""

from __future__ import annotations

import ssl
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

LONGEST = 40  # characters of a value that are shown: an id is whole, and a file is not

_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "bytes_type": "bytes",
    "callable_type": "a function",
    "dict_type": "an object",
    "enum": "{expected}",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_type": "a whole number",
    "is_instance_of": "{class}",
    "invalid_key": "names of fields that are text",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_attributes_type": "an object",
    "model_type": "an object",
    "sequence_str": "a list, not a text",
    "string_too_long": "at most {max_length} characters, not {length}",
    "string_too_short": "at least {min_length} characters",
    "string_type": "a text",
    "string_unicode": "a text in UTF-8",
    "too_long": "at most {max_length} entries",
    "too_short": "at least {min_length} {entries}",
    "tuple_type": "a list",
    "union_tag_invalid": "one of {expected_tags}",
}
_PATTERNS = {
    r"^[A-Za-z0-9_-]{1,64}$": "an id as the server gave it: letters, digits, - and _, at most 64",
    r"^sha256:[0-9a-f]{64}$": "sha256: and 64 hexadecimal digits",
    r"^[0-9a-fA-F]{64}$": "64 hexadecimal digits",
    r"^\d{1,5}x\d{1,5}$": "width and height as in 832x480",
    r"^[1-9]\d{0,8}$": "a whole number of seconds",
}
_IN_PYTHON = {
    "bool_parsing": "True or False",
    "bool_type": "True or False",
    "model_type": "a {class_name}",
}

_CLASSES = {"Sequence": "a list"}
"""What a class is to those who do not read annotations."""


class TooMany(ValueError):
    """What a validator says of a list that is too long as a whole."""

    kind = "too_long"


class OfField(ValueError):
    """What a validator of a whole says of one of its fields: the field's name, and a sentence that names it. `kind` is what
    pydantic calls such an error where it finds it by itself.
    """

    def __init__(self, field: str, text: str, kind: str = "value_error") -> None:
        super().__init__(text)
        self.field = field
        self.kind = kind


def kind_of(first: ErrorDetails) -> str:
    """Pydantic's kind of an error; of one that a validator of ours has found, the kind that it says itself."""
    return str(getattr(first.get("ctx", {}).get("error"), "kind", first["type"]))


def path_of(first: ErrorDetails, drop: int = 0) -> str:
    """The field at fault as a path, `points[3].x`; empty where it is the whole. The first `drop` parts are not the sender's."""
    path = ""
    for part in first["loc"][drop:]:
        if isinstance(part, str) and "." in part:  # the type of a control inside a list
            continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    named = first.get("ctx", {}).get("error")
    if isinstance(named, OfField):
        path = f"{path}.{named.field}".lstrip(".")
    if first["type"].startswith("union_tag_"):
        path = f"{path}.type".lstrip(".")
    return path


def expected(first: ErrorDetails, *, python: bool = False) -> str:
    """What is expected, in the terms of JSON or of Python; without what came, which may be a secret."""
    kind, about = first["type"], first.get("ctx", {})
    if kind in ("missing", "union_tag_not_found"):
        return "it is missing"
    if kind == "extra_forbidden":
        return "there is no such field"
    if kind in ("value_error", "assertion_error"):
        return str(about["error"])
    if kind == "json_invalid":
        return f"not valid JSON: {about['error']}"
    if kind == "string_too_short" and about["min_length"] == 1:
        return "expected a text that is not empty" + (", and more than spaces" if first["input"] else "")
    if kind == "string_pattern_mismatch":
        return f"expected {_PATTERNS.get(about['pattern'], about['pattern'])}"
    words = _IN_PYTHON.get(kind) if python else None
    words = words or _EXPECTED.get(kind)
    if words is not None:
        numbers = {name: _CLASSES.get(value, _number(value)) for name, value in about.items()}
        length = len(first["input"]) if kind == "string_too_long" else 0
        entries = "entry" if about.get("min_length") == 1 else "entries"
        shape = _needed(about["class_name"]) if kind == "model_type" else ""
        return "expected " + words.format_map({**numbers, "length": length, "entries": entries}) + shape
    return "expected " + first["msg"].removeprefix("Input should be ").removeprefix("a valid ")


def sentence(first: ErrorDetails, path: str, whole: str, *, python: bool = False) -> str:
    """The whole complaint, in the terms of JSON or of Python. `whole` is the name of what has no path."""
    name, kind, came = path or whole, first["type"], first["input"]
    show = in_python if python else in_json
    if kind in ("missing", "union_tag_not_found"):
        nth = isinstance(came, list | tuple)
        return f"{name} is missing" + (f": {show(came)} is too short" if nth else "")
    if kind in ("value_error", "assertion_error"):
        whole_sentence = not path or isinstance(first["ctx"]["error"], OfField)
        return expected(first) if whole_sentence else f"{path}: {expected(first)}"
    if kind == "json_invalid":
        return f"{name} is {expected(first)}"
    if kind == "union_tag_invalid":
        came = first["ctx"]["tag"]
    return f"{name} is {show(came)}: {expected(first, python=python)}"


def of_system(error: BaseException) -> str:
    """What the system says of a file or a connection, without its own number for that."""
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "nothing listens there: start the server (`flowbrush serve`), or correct the address"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or "timed out"


def of_tls(error: ssl.SSLError) -> str:
    """What keeps TLS from being spoken, and what to do."""
    plain = "WRONG_VERSION_NUMBER" in str(error)
    own = "for a certificate of one's own pass ssl=, a context that trusts it"
    return f"{error}; {'no TLS is spoken there: call it http://' if plain else own}"


def _needed(name: str) -> str:
    """The fields without which there is no message, or part of one, of that class."""
    kinds = [BaseModel]
    for kind in kinds:
        kinds += kind.__subclasses__()
        if kind.__name__ == name and kind.__module__.startswith("flowbrush."):
            needed = [field for field, about in kind.model_fields.items() if about.is_required()]
            return f" with {', '.join(needed)}" if needed else ""
    return ""


def _number(value: Any) -> Any:
    """2 for 2.0: a range's end, as a person would write it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def in_json(value: Any) -> str:
    """What came, as who wrote JSON knows it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    return in_python(value)


def in_python(value: Any) -> str:
    """What came, as who writes Python knows it."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "a very large integer"
    if isinstance(value, list | tuple) and len(value) > LONGEST:
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, str | bytes):
        value = value[: LONGEST + 1]
    try:
        text = repr(value)
    except Exception:  # whatever somebody's own class does
        text = f"a {type(value).__name__}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}…"
