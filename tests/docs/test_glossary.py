"""docs/glossary.md has one meaning for each word, in an order in which a reader finds it."""

from pathlib import Path

from markdown_tables import table

ROWS = table((Path(__file__).parents[2] / "docs" / "glossary.md").read_text("utf-8"))
HOUSE = {
    *("caller", "checkpoint", "cursor", "dispatch", "flow", "gateway", "hub", "journal", "key", "operation"),
    *("position", "problem", "record", "sequencer", "tail", "trace", "transaction", "version", "worker"),
}


def test_every_word_has_one_row_in_alphabetical_order():
    words = [row[0] for row in ROWS]

    assert set(words) >= HOUSE
    assert words == sorted(set(words), key=str.casefold)


def test_every_meaning_is_a_sentence_that_does_not_begin_with_its_word():
    for word, meaning, _ in ROWS:
        assert meaning.endswith("."), word
        assert not meaning.lower().startswith((f"a {word} ", f"the {word} ", f"{word} ")), word
