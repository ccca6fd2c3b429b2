#!/usr/bin/env python3
"""Freezes what the `tokenizers` package does with every code point, as one CRC-32 per 1,024.

    python tools/golden/tokenizer_code_points.py

writes tests/golden/tokenizer/code_points.txt. Unlike tokenizer_unicode.py, which finds the facts
that our tables hold, this asks for their effect: normal forms, where text is cut, and which
characters make a single_word token part of a word.
"""

import json
import pathlib
import zlib

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/tokenizer"
BLOCK = 1024


def main():
    flags = json.loads((GOLDEN / "flags.json").read_text())
    pattern = flags["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    nfc = normalizers.NFC()
    words = Tokenizer(models.WordLevel({"[U]": 0}, unk_token="[U]"))
    words.add_tokens([AddedToken("~T~", normalized=False, single_word=True)])
    token = words.token_to_id("~T~")

    def line(c):
        normal = [nfc.normalize_str(text) for text in (c, f"q{c}\u0301\u0323", f"\u0301{c}\u0334")]
        pieces = split.pre_tokenize_str(f"a{c}1{c} {c}{c}\n{c}b'{c}{c}")
        ends = [str(len(piece.encode())) for piece, _ in pieces]
        word = "-" if token in words.encode(c + "~T~").ids else "w"
        return "|".join([*normal, ",".join(ends), word]) + "\n"

    rows = []
    for start in range(0, 0x110000, BLOCK):
        points = (c for c in range(start, start + BLOCK) if not 0xD800 <= c < 0xE000)
        text = "".join(line(chr(c)) for c in points)
        rows.append(f"{start:06x} {zlib.crc32(text.encode()):08x}\n")
    (GOLDEN / "code_points.txt").write_text("".join(rows))


if __name__ == "__main__":
    main()
