#!/usr/bin/env python3
"""Writes tests/golden/tokenizer/flags.json: a small tokenizer in which every flag is used.

It differs from Qwen3 wherever the format lets it: the three-digit pattern, merges as strings,
ignore_merges with a token that no merge reaches, added tokens that the vocabulary holds too, and
added tokens of every flag, some of them normalized or made of white space.
"""

import json
import pathlib

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/tokenizer/flags.json"
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
MERGES = [
    "t h", "th e", "Ġ the", "Ġ Ġ", "ĠĠ ĠĠ", "Ċ Ċ", "i n", "in g", "e r", "a n", "an d", "Ġ and",
    "1 2", "12 3", "' s", "Ã ©", "ä ¸", "ä¸ Ń", "e n", "en d", "< end", "<end >", "> <",
    "a a", "aa aa", "a b", "ab c", "abc d", "o k", "m o", "mo de",
]  # fmt: skip
EXTRA = ["de", "mode", "whole", "Ġwhole", "unreached", "dek"]


def byte_alphabet():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    characters = {b: chr(b) for b in printable}
    characters.update({b: chr(0x100 + i) for i, b in enumerate(others)})
    return [characters[b] for b in range(256)]


def added(content, *flags):
    names = ("single_word", "lstrip", "rstrip", "normalized", "special")
    return {"content": content, **{name: name in flags for name in names}}


ADDED = [
    added("<|im_start|>", "special"),
    added("<|im_end|>", "special"),
    added("<end>", "special"),  # merges lead to it
    added("unreached", "special"),  # only ignore_merges leads to it
    added("abc"),  # an intermediate of abcd
    added("<l>", "special", "lstrip"),
    added("<r>", "special", "rstrip"),
    added("<lr>", "lstrip", "rstrip"),
    added("<w>", "single_word"),
    added("word", "single_word", "lstrip", "rstrip"),
    added("café", "normalized"),
    added("cafe\u0301s", "normalized", "special"),
    added("≯", "normalized"),  # > and U+0338 compose to it
    added("\u212a", "normalized", "rstrip"),  # the Kelvin sign: found as K
    added("\u212b", "normalized"),  # the angstrom sign: found as the letter
    added("\u1100\u1161\u11a8", "normalized"),
    added("  ", "rstrip"),
    added("\t\t"),
    added("\n\n", "lstrip"),
    added("<|im"),  # a prefix of others: the longest wins
    added("<|im_start"),
    added("中文", "single_word"),
    added("Ġx"),  # spelled in the byte alphabet: decodes to a space and x
    added("a b Ġ"),  # not in it: decodes to itself
]


def main():
    vocabulary = {}
    tokens = byte_alphabet() + EXTRA
    for merge in MERGES:
        tokens.append(merge.replace(" ", ""))
    for token in tokens:
        vocabulary.setdefault(token, len(vocabulary))
    for token in ADDED:
        count = sum("id" in t and t["id"] >= len(vocabulary) for t in ADDED)
        token["id"] = vocabulary.get(token["content"], len(vocabulary) + count)
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    byte_level["use_regex"] = False
    split = {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "fuse_unk": False}
    model |= {"continuing_subword_prefix": None, "end_of_word_suffix": None, "byte_fallback": False}
    model |= {"ignore_merges": True, "vocab": vocabulary, "merges": MERGES}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": ADDED,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": model,
    }
    OUTPUT.write_text(json.dumps(tokenizer, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
