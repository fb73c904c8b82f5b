"""Sentences with the place of each: of Markdown, and of comments and texts of Python and TypeScript."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import count
from pathlib import Path

Located = tuple[int, str]

FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
TYPESCRIPT = re.compile(
    r"//(?P<line>[^\n]*)|/\*(?P<block>.*?)\*/"
    r"|'(?P<single>(?:\\.|[^'\\\n])*)'|\"(?P<double>(?:\\.|[^\"\\\n])*)\"|`(?P<template>(?:\\.|[^`\\])*)`",
    re.DOTALL,
)
DIRECTIVE = re.compile(r"#\s*(?:noqa|pyright|type|fmt|ruff|pragma)\b[^-]*(?:- )?")
SENTENCE = re.compile(r"[A-Z][^.!?:]*\s\S+\s\S+")  # a capital letter, and three words


def of_markdown(text: str) -> Iterator[Located]:
    """Yield the sentences of a page, without its code: `x` stands for an inline code."""
    text = FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
    text = re.sub(r"<!--.*?-->", lambda match: "\n" * match[0].count("\n"), text, flags=re.DOTALL)
    text = re.sub(r"`[^`\n]*(?:\n[^`\n]+)?`", lambda match: "`x`" + "\n" * match[0].count("\n"), text)
    text = re.sub(r"\]\([^)\s]*\)", "]", text)
    yield from sentences(1, text)


def of_python(source: str) -> Iterator[Located]:
    """Yield the sentences of docstrings, of comments, and of the texts that begin like a sentence."""
    tree = ast.parse(source)
    yield from of_comments(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "x" for part in node.values]
            yield from of_text(node.lineno, "".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from of_text(node.lineno, node.value)


def of_text(line: int, text: str) -> Iterator[Located]:
    if SENTENCE.match(text.strip()) and "SELECT " not in text:
        yield from ((number, sentence) for number, sentence in sentences(line, without_code(text)))


def of_comments(source: str) -> Iterator[Located]:
    """Yield the sentences of comments; lines that follow each other are one comment."""
    block: list[str] = []
    last = first = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] != last + 1:
            yield from sentences(first, "\n".join(block))
            block = []
        if not block:
            first = token.start[0]
        last = token.start[0]
        block.append(without_code(DIRECTIVE.sub("", token.string).lstrip("# ")))
    yield from sentences(first, "\n".join(block))


def of_typescript(source: str) -> Iterator[Located]:
    """Yield the sentences of comments, and of the texts that begin like a sentence."""
    lines: dict[int, str] = {}
    for match in TYPESCRIPT.finditer(source):
        line, text = source.count("\n", 0, match.start()) + 1, match[match.lastgroup or 0]
        if match.lastgroup == "line":
            lines[line] = text
        elif match.lastgroup == "block":
            yield from sentences(line, without_code(re.sub(r"\n *\*", "\n", text.lstrip("*"))))
        else:
            yield from of_text(line, re.sub(r"\$\{[^}]*\}", "x", text))
    for first in (line for line in lines if line - 1 not in lines):
        last = next(line for line in count(first) if line + 1 not in lines)
        text = "\n".join(lines[line].strip() for line in range(first, last + 1))
        yield from sentences(first, without_code(text))


def without_code(text: str) -> str:
    return re.sub(r"`[^`]*`", "`x`", text)


def of_test_names(source: str) -> Iterator[Located]:
    """Yield the name of each test as a sentence: `test_a_b` is `A b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.lineno, node.name.removeprefix("test_").replace("_", " ").capitalize()


def sentences(line: int, text: str) -> Iterator[Located]:
    """Yield each sentence with its line: it ends with a full stop, a cell, a list item, a heading or a paragraph."""
    borders = (
        r"(?<=[.!?])[\s*_)\"]+(?=[A-Z`\[*])|:\s+(?=[A-Z])|\s*\|\s*|\n\s*\n|\n\s*(?:[-*>]|\d+\.)\s+|\n#+ |^#+ |^[-*] "
    )
    start = 0
    for match in [*re.finditer(borders, text), None]:
        piece = text[start : match.start() if match else len(text)]
        lead = len(piece) - len(piece.lstrip())
        if piece.strip():
            yield line + text.count("\n", 0, start + lead), " ".join(piece.split()).lstrip("*_([\"'> ")
        start = match.end() if match else len(text)


def read(path: Path) -> str:
    return path.read_text("utf-8")
