"""The glossary: every term of it that a chapter's prose uses is a link where it comes first, and only there.

Headings, captions, tables, cells, formulas and what is a link already are no prose.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = ROOT / "book" / "glossary.md"
PAGES = {"index", "glossary", "ledger", "references"}  # that explain nothing
CHAPTERS = sorted(path for path in (ROOT / "book").rglob("*.md") if path.stem not in PAGES)

LINK = re.compile(r"\{term\}`(?:[^`<]*<([^`>]+)>|([^`<]+))`")
NO_PROSE = [
    r"\A---\n.*?^---$",  # front matter
    r"^( *)(```+).*?^\1\2$",  # cells, code
    r"^( *):::\{figure\}.*?^\1:::$",
    r"^ *(?:#+ |\||:::|:[\w-]+:|%).*?$",  # headings, tables, directives, their options, comments
    r"^\([\w-]+\)=$",
    r"<!--.*?-->",
    r"^\*(?![\s*])[^*]+\*$",  # the caption of what a cell draws
    r"\$\$.*?\$\$|\$[^$]*?\$",
    r"(?:\{[\w:]+\})?`[^`]+`",  # roles, code
    r"!?\[[^\]]*\]\([^)]*\)",
]


def entries(text: str) -> dict[str, str]:
    """The glossary's terms, and what is said of each."""
    found, terms = {}, []
    for line in re.search(r"^```\{glossary\}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[1].splitlines():
        if line.startswith(" "):
            found |= {term: f"{found.get(term, '')} {line.strip()}".strip() for term in terms}
        elif line:
            terms = [line] if found.keys() >= set(terms) else [*terms, line]
    return found


def prose(text: str) -> str:
    """The text with blanks in place of all that is no prose; every word stays where it was."""

    def blank(match: re.Match) -> str:
        return match[0] if match[0].startswith("{term}") else re.sub(r"[^\n]", " ", match[0])

    for pattern in NO_PROSE:
        text = re.sub(pattern, blank, text, flags=re.DOTALL | re.MULTILINE)
    return text


def used(text: str, terms: list[str]) -> Iterator[tuple[int, str, bool]]:
    """Where a chapter's prose uses a term, in order, and whether as a link. Of terms in terms the longest counts."""
    ways = {re.sub(r"[\s-]+", " ", term).lower(): term for term in terms}
    alternatives = "|".join(
        re.escape(words).replace(r"\ ", r"[\s-]+") for words in sorted(ways, key=len, reverse=True)
    )
    plain = prose(text)
    for match in re.finditer(
        rf"{LINK.pattern}|(?<![\w-])({alternatives})(?:e?s)?(?!\w)", plain, re.IGNORECASE
    ):
        if match[3] is None:
            yield match.start(), (match[1] or match[2]).strip(), True
        else:
            yield match.start(), ways[re.sub(r"[\s-]+", " ", match[3]).lower()], False


def faults(text: str, terms: list[str]) -> list[str]:
    seen, found = set(), []
    for place, term, linked in used(text, terms):
        line = text.count("\n", 0, place) + 1
        if term not in seen and not linked:
            found.append(f"line {line}: {term!r} is used for the first time, and is no link")
        if term in seen and linked:
            found.append(f"line {line}: {term!r} is a link again")
        seen.add(term)
    return found


TERMS = list(entries(GLOSSARY.read_text()))


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_links_each_term_where_it_comes_first(chapter):
    assert faults(chapter.read_text(), TERMS) == []


def test_every_term_is_used_and_every_link_leads_to_a_term():
    """Sphinx would warn of the second; here it is known at once."""
    linked = {term for chapter in CHAPTERS for _, term, link in used(chapter.read_text(), TERMS) if link}
    assert linked == set(TERMS)


def test_every_term_is_explained_and_names_its_chapter():
    for term, said in entries(GLOSSARY.read_text()).items():
        chapters = re.findall(r"\]\(([\w/]+\.md)\)", said)
        assert chapters and all((ROOT / "book" / chapter).is_file() for chapter in chapters), term
        assert len(said) > 60, term
    assert TERMS == sorted(TERMS, key=str.lower)


# ---------------------------------------------------------------------------------------------- the check itself
EXAMPLE = """---
stride: 1
---

# The stride

```{code-cell} ipython3
stride = 2
```

| stride | 2 |

A `stride` in [a stride](stride.md), {doc}`stride`, $stride$.

*Two strides, drawn.*

:::{figure} stride.png
A stride.
:::

:::{admonition} The stride
"""


def test_what_is_no_prose_needs_no_link():
    assert faults(EXAMPLE, ["stride"]) == []
    assert len(prose(EXAMPLE)) == len(EXAMPLE)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A stride.", ["line 1: 'stride' is used for the first time, and is no link"]),
        ("One.\n\nTwo **strides**.", ["line 3: 'stride' is used for the first time, and is no link"]),
        ("A {term}`stride`, and a stride.", []),
        ("*A {term}`Strides <stride>`*, and a stride.", []),
        ("A stride, a {term}`stride`.", ["line 1: 'stride' is used for the first time, and is no link"]),
        ("{term}`stride`, {term}`stride`.", ["line 1: 'stride' is a link again"]),
        ("Upstride, strided.", []),
        ("A mean\nprecision.", ["line 1: 'mean precision' is used for the first time, and is no link"]),
        ("Cross entropy.", ["line 1: 'cross-entropy' is used for the first time, and is no link"]),
    ],
)
def test_the_first_use_is_found_whatever_it_looks_like(text, found):
    assert faults(text, ["stride", "precision", "mean precision", "cross-entropy"])[:1] == found


def test_entries_may_have_several_names():
    text = "```{glossary}\none\nuno\n  The first.\n  Of all.\n\ntwo\n  The second.\n```\n"
    assert entries(text) == {"one": "The first. Of all.", "uno": "The first. Of all.", "two": "The second."}
