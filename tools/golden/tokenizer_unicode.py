#!/usr/bin/env python3
"""Finds out which Unicode the `tokenizers` package really uses, over every code point.

Its regular expressions, its normalizer and its added-token rules come from different libraries,
each with a Unicode version of its own. Nothing here is taken from Python's unicodedata except the
reports of differences: every fact written is an answer of the package.

    python tools/golden/tokenizer_unicode.py --write     # rewrites src/text/unicode_tables.inc
    python tools/golden/tokenizer_unicode.py             # checks that it would not change
"""

import argparse
import itertools
import pathlib
import sys
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "src/text/unicode_tables.inc"
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
BATCH = 4096

LETTER, NUMBER, SPACE = 1, 2, 3  # bits 0-1 of a property byte: the class in split patterns
WORD = 4  # \w of the single_word rule
NFC_INERT_NOT = 8  # NFC may change it, reorder it or join it to what stands before

HANGUL_SYLLABLES = range(0xAC00, 0xAC00 + 11172)
HANGUL_TAILING = itertools.chain(range(0x1161, 0x1176), range(0x11A8, 0x11C3))

nfc = normalizers.NFC().normalize_str
nfd = normalizers.NFD().normalize_str


def batches():
    for start in range(0, len(CODE_POINTS), BATCH):
        yield CODE_POINTS[start : start + BATCH]


def regex_class(pattern):
    """The code points that the split engine puts into a class."""
    members = set(CODE_POINTS)
    remove = pre_tokenizers.Split(Regex(pattern + "+"), "removed")
    for batch in batches():
        for piece, _ in remove.pre_tokenize_str("".join(map(chr, batch))):
            members.difference_update(map(ord, piece))
    return members


def added_token_tokenizer(**flags):
    tokenizer = Tokenizer(models.WordLevel({"[U]": 0}, unk_token="[U]"))
    tokenizer.add_tokens([AddedToken("~T~", normalized=False, **flags)])
    return tokenizer


def word_characters():
    """Those that keep a single_word token from being recognised after them, and before them."""
    tokenizer = added_token_tokenizer(single_word=True)
    token = tokenizer.token_to_id("~T~")

    def blocks(template, batch):
        ids = tokenizer.encode_batch([template.format(chr(c)) for c in batch])
        return {c for c, encoding in zip(batch, ids) if token not in encoding.ids}

    before, after = set(), set()
    for batch in batches():
        before |= blocks("{}~T~", batch)
        after |= blocks("~T~{}", batch)
    assert before == after, "single_word looks at its two sides differently"
    return before


def stripped_characters():
    """Those that an lstrip token swallows."""
    tokenizer = added_token_tokenizer(lstrip=True)
    stripped = set()
    for batch in batches():
        for c, encoding in zip(batch, tokenizer.encode_batch([f"{chr(c)}~T~" for c in batch])):
            if len(encoding.ids) == 1:
                stripped.add(c)
    return stripped


def combining_classes(decompositions):
    """The canonical combining class of each code point, found by what it swaps places with."""

    def swaps(first, second):
        return first != second and nfd("x" + first + second) == "x" + second + first

    def combines(mark):  # U+0345 has the highest class, U+0334 the lowest
        return swaps("\u0345", mark) or swaps(mark, "\u0334") or mark in "\u0334\u0345"

    witness_of = {}  # any mark of a class will do, as long as the package knows it
    for mark in map(chr, CODE_POINTS):
        if unicodedata.combining(mark) and nfd(mark) == mark and combines(mark):
            witness_of.setdefault(unicodedata.combining(mark), mark)
    witnesses = sorted(witness_of.items())

    classes = {}
    for c in CODE_POINTS:
        mark = chr(c)
        if c in decompositions or not combines(mark):
            continue
        below = [k for k, witness in witnesses if swaps(mark, witness)]
        above = [k for k, witness in witnesses if swaps(witness, mark)]
        between = [k for k, _ in witnesses if k not in below and k not in above]
        assert len(between) == 1, (hex(c), between)
        classes[c] = between[0]
    return classes


def compositions(decompositions):
    """(first, second) -> composite, for all that NFC joins; Hangul is arithmetic and left out."""
    pairs = {}
    for c, parts in decompositions.items():
        if nfc(chr(c)) != chr(c):
            continue
        head = nfc(parts[:-1])
        assert len(head) == 1, hex(c)
        pairs[ord(head), ord(parts[-1])] = c
    for (first, second), composite in pairs.items():
        assert nfc(chr(first) + chr(second)) == chr(composite)
    return pairs


def check_hangul():
    for c in HANGUL_SYLLABLES:
        index = c - 0xAC00
        parts = [0x1100 + index // 588, 0x1161 + index % 588 // 28]
        if index % 28:
            parts.append(0x11A7 + index % 28)
        text = "".join(map(chr, parts))
        assert nfd(chr(c)) == text and nfc(text) == chr(c), hex(c)
    for pair in ("\uac00\u11a7", "\uac00\u11c3", "\u1113\u1161", "\u1100\u1176", "\uac01\u11a8"):
        assert nfc(pair) == pair, "Hangul beyond the arithmetic"


def check_contractions():
    """Only the sharp s-like U+017F folds into a contraction besides ASCII letters."""
    pattern = Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)")
    split = pre_tokenizers.Split(pattern, "isolated")
    folded = set()
    for template in ("'{}", "'{}e", "'r{}", "'v{}", "'{}l", "'l{}", "{}s"):
        for batch in batches():
            for c in batch:
                text = template.format(chr(c))
                pieces = split.pre_tokenize_str(text)
                if len(pieces) == 1 and pieces[0][0] == text and c > 0x7F:
                    if len(split.pre_tokenize_str(text + text)) == 2:
                        folded.add((template, hex(c)))
    return folded


def runs_of(properties):
    runs = []
    for c in range(0x110000):
        value = properties.get(c, 0)
        if not runs or runs[-1][1] != value:
            runs.append((c, value))
    return runs


def table(name, values, per_line):
    lines = [f"inline constexpr std::uint32_t {name}[] = {{"]
    for start in range(0, len(values), per_line):
        lines.append("    " + ", ".join(f"{v:#x}" for v in values[start : start + per_line]) + ",")
    return lines + ["};", ""]


def probe():
    letters, numbers = regex_class(r"\p{L}"), regex_class(r"\p{N}")
    spaces = regex_class(r"\s")
    assert spaces == stripped_characters(), "the two ideas of white space part"
    words = word_characters()
    check_hangul()
    decompositions = {
        c: nfd(chr(c))
        for c in CODE_POINTS
        if c not in HANGUL_SYLLABLES and nfd(chr(c)) != chr(c)
    }
    classes = combining_classes(decompositions)
    pairs = compositions(decompositions)
    changed = {c for c in CODE_POINTS if nfc(chr(c)) != chr(c)}
    not_inert = changed | set(classes) | {second for _, second in pairs} | set(HANGUL_TAILING)
    not_inert |= {c for c, parts in decompositions.items() if ord(parts[0]) in classes}

    properties = {}
    for members, value in (
        (letters, LETTER),
        (numbers, NUMBER),
        (spaces, SPACE),
        (words, WORD),
        (not_inert, NFC_INERT_NOT),
    ):
        for c in members:
            properties[c] = properties.get(c, 0) | value
    report(letters, numbers, words, decompositions, classes)
    return properties, decompositions, classes, pairs


def report(letters, numbers, words, decompositions, classes):
    ours = unicodedata.unidata_version
    print(f"compared with Unicode {ours} of this Python:")
    for name, members, prefix in (("\\p{L}", letters, "L"), ("\\p{N}", numbers, "N")):
        here = {c for c in CODE_POINTS if unicodedata.category(chr(c))[0] == prefix}
        print(f"  {name}: {len(members)}, {len(members - here)} more, {len(here - members)} fewer")
    print(f"  \\w: {len(words)}")
    here = {c for c in CODE_POINTS if unicodedata.combining(chr(c))}
    fewer = sorted(here - set(classes) - set(decompositions))
    print(f"  combining: {len(classes)}, {len(fewer)} fewer, first {[hex(c) for c in fewer[:5]]}")
    other = [c for c, k in classes.items() if unicodedata.combining(chr(c)) != k]
    print(f"  other combining class: {[hex(c) for c in other]}")
    here = {c for c in CODE_POINTS if unicodedata.normalize("NFD", chr(c)) != chr(c)}
    fewer = here - set(decompositions) - set(HANGUL_SYLLABLES)
    print(f"  decompositions: {len(decompositions)}, fewer {[hex(c) for c in sorted(fewer)]}")
    print(f"  contractions by case folding: {sorted(check_contractions())}")


def render():
    properties, decompositions, classes, pairs = probe()
    runs = runs_of(properties)
    text = [
        "// Made by tools/golden/tokenizer_unicode.py from the answers of the `tokenizers` package.",
        "",
        "// Code point << 8 | properties, valid up to the next entry's code point.",
        *table("kPropertyRuns", [c << 8 | value for c, value in runs], 8),
        "// Code point << 8 | canonical combining class.",
        *table("kCombiningClasses", [c << 8 | k for c, k in sorted(classes.items())], 8),
        "// Code point and its full canonical decomposition, padded with 0.",
        *table(
            "kDecompositions",
            [
                value
                for c, parts in sorted(decompositions.items())
                for value in (c, *map(ord, parts.ljust(4, "\0")))
            ],
            5,
        ),
        "// First, second and the composite that NFC makes of them.",
        *table(
            "kCompositions",
            [value for (a, b), c in sorted(pairs.items()) for value in (a, b, c)],
            9,
        ),
    ]
    assert max(len(parts) for parts in decompositions.values()) <= 4
    return "\n".join(text[:-1]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"rewrite {OUTPUT.name}")
    arguments = parser.parse_args()
    text = render()
    if arguments.write:
        OUTPUT.write_text(text)
    elif OUTPUT.read_text() != text:
        sys.exit(f"{OUTPUT.name} is not what the installed package says; use --write")


if __name__ == "__main__":
    main()
