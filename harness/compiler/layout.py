"""One line of code -> lines of at most 100 columns, broken as Ruff and Black break them.

It knows what written code is made of: assignments and returns of calls, lists, tuples, mappings,
sums and products. Nothing is spelt anew, lines are only broken, at brackets.
"""

from collections.abc import Iterator
from itertools import pairwise

WIDTH = 100


def literal(value: object) -> str:
    """A value as it is written, strings in double quotes where that needs no escaping."""
    plain = isinstance(value, str) and not set(value) & {'"', "'", "\\"} and value.isprintable()
    return f'"{value}"' if plain else repr(value)


def laid_out(line: str, indent: int = 0) -> list[str]:
    """The lines of a statement (or of one entry of a bracket) that starts at a column."""
    if _fits(line, indent):
        return [" " * indent + line]
    name, equals, value = line.partition(" = ")
    if equals and name.isidentifier() and _places(value, "+"):
        line = f"{name} = ({value})"
    start, body, end = _last_bracket(line)
    if not body:
        return [" " * indent + line]
    return [" " * indent + start, *_body(start, body, indent + 4), " " * indent + end]


def _body(start: str, body: str, indent: int) -> list[str]:
    """What is within a bracket: all on a line (of a call), else one entry or operand a line."""
    entries = [entry.strip() for entry in _split(body, ",")]
    calls = start[-1] == "(" and _follows_name(start, len(start) - 1)
    if calls and _fits(body, indent):
        return [" " * indent + body]
    if start[-1] != "(" or len(entries) > 1:
        return [line for entry in entries for line in laid_out(f"{entry},", indent)]
    sign = next((sign for sign in "+*" if _places(body, sign)), "+")
    first, *others = _split(body, sign)
    operands = [first, *(f"{sign} {other.strip()}" for other in others)]
    return [line for operand in operands for line in laid_out(operand.strip(), indent)]


def _fits(line: str, indent: int) -> bool:
    return indent + len(line) <= WIDTH


def _outer(text: str) -> Iterator[tuple[int, str]]:
    """Brackets, and commas and operators that lie in no bracket or string, each with its place."""
    depth, quote = 0, ""
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote and text[place - 1] != "\\" else quote
        elif sign in "\"'":
            quote = sign
        elif sign in "([{":
            if depth == 0:
                yield place, sign
            depth += 1
        elif sign in ")]}":
            depth -= 1
            if depth == 0:
                yield place, sign
        elif depth == 0 and (sign == "," or text[place - 1 : place + 2] in (" + ", " * ")):
            yield place, sign


def _places(text: str, sign: str) -> list[int]:
    return [place for place, found in _outer(text) if found == sign]


def _split(text: str, sign: str) -> list[str]:
    cuts = [-1, *_places(text, sign), len(text)]
    parts = [text[one + 1 : other] for one, other in pairwise(cuts)]
    return parts if parts[-1].strip() else parts[:-1]


def _last_bracket(line: str) -> tuple[str, str, str]:
    """A line cut at its last outer bracket that holds something: up to it, within, from its end."""
    brackets = [place for place, sign in _outer(line) if sign in "([{)]}"]
    for start, end in zip(brackets[-2::-2], brackets[::-2], strict=True):
        if end > start + 1 and not (line[start] == "[" and _follows_name(line, start)):
            return line[: start + 1], line[start + 1 : end], line[end:]
    return line, "", ""


def _follows_name(line: str, place: int) -> bool:
    """Whether a bracket is that of a call or subscript."""
    before = line[place - 1 : place]
    return before.isalnum() or before in ("_", ")", "]")
