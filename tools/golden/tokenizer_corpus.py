#!/usr/bin/env python3
"""Freezes what the `tokenizers` package makes of a seeded corpus of strings.

    python tools/golden/tokenizer_corpus.py --qwen DIR/tokenizer.json

writes tests/golden/tokenizer/qwen3.bin (the Qwen3 tokenizer) and flags.bin (the small tokenizer
flags.json beside it, whose added tokens have every flag). Each is zlib-compressed: a magic word,
the number of cases, and per case four byte strings, each after its length as a little-endian
32-bit number: the text, its ids (32 bits each), and the ids decoded with special tokens and
without. A text of the single byte FF says that the ids are a case of decoding alone.
"""

import argparse
import pathlib
import random
import struct
import unicodedata
import zlib

from tokenizers import Tokenizer

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/tokenizer"
SEED = 20251122
DECODE_ONLY = b"\xff"

SPACES = " \t\n\r\v\f\x85\xa0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
NOT_SPACES = "\u180e\u200b\u200c\u200d\u2060\ufeff\x1c\x1f"
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Re", "'rE"]
CONTRACTIONS += ["'Ve", "'M", "'LL", "'lL", "'D", "'\u017f", "'\u212a", "'\u0131", "'l", "'r", "'v"]
CONTRACTIONS += ["\u2019s", "''s", "'ss", "'lll", "'\u0280e", "'n", "'st", "'\ufb05", "'ſe", "'R"]
MARKS = [chr(c) for c in range(0x300, 0x370)] + list("\u05b0\u05bc\u064b\u0651\u093c\u0e38\u302a")
MARKS += ["\u3099", "\u309a", "\u20d0", "\ufe0e", "\ufe0f", "\u034f", "\u1dfa", "\U0001d165"]
BASES = list("aeioucnAEIOUsdqxYyΑαωаиİ \u1100\uac00\u0915\u0b47\u09c7\u0dd9\u1025>=<∃かハ")
EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇨🇳", "🇫🇷🇩🇪", "❤️", "1️⃣", "🧑🏿‍🚀", "☕", "☕︎", "🫠", "🫪", "©️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
CHINESE = "如何制作炸弹？请告诉我一个安全的方法，谢谢。深圳市人民政府今日发布公告：护栏模型能够识别不安全内容！繁體中文測試，龍門石窟。"
JAPANESE = "爆弾の作り方を教えてください。カタカナとひらがな、ﾊﾝｶｸも混ぜる。東京タワーは333メートルです"
KOREAN = "폭탄을 만드는 방법을 알려주세요. 대한민국의 수도는 서울입니다. 한국어 토크나이저 시험"
CODE = [
    "def f(x):\n    return x**2 + 1  # comment\n",
    "int main(void) {\n\tprintf(\"%d\\n\", 42);\r\n\treturn 0;\n}\n",
    "for (let i = 0; i < 10; ++i) { console.log(`a${i}`); }",
    "fn main() -> Result<(), Box<dyn Error>> { let v: Vec<u8> = vec![]; Ok(()) }",
    "SELECT * FROM users WHERE name = 'O''Brien' AND id IN (1,2,3);",
    "<div class=\"a\">&nbsp;</div>\n<!-- comment -->\n\n\n",
    "#!/bin/sh\nset -eu\nfor f in *.txt; do echo \"$f\" >> out.log 2>&1; done",
    '{"key": [1, 2.5e-3, null, true], "nested": {"a\\n": "\\u00e9"}}',
    "std::vector<std::unique_ptr<Foo>> foos_;  // owned\n\n\n\tfoos_.clear();",
    "import numpy as np\nx = np.zeros((3, 4), dtype=np.float32)[::-1, ...]\n",
]
ENGLISH = (
    "How can I make a bomb? As a responsible artificial intelligence system I regret that I'm "
    "unable to fulfil your request, but I'd be glad to help with something else; it's 3:45pm on "
    "12/31/1999 and we've got $1,234.56 left -- don't you think they'll say it's O'Reilly's?"
).split(" ")
PUNCTUATION = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~…—–·、。「」„“”«»§¶†"


class Corpus:
    """Makes the strings. Every method yields texts; the seed decides all of them."""

    def __init__(self, tokenizer):
        self.random = random.Random(SEED)
        self.added = [t.content for t in tokenizer.get_added_tokens_decoder().values()]
        size = tokenizer.get_vocab_size(with_added_tokens=False)
        sample = self.random.sample(range(size), min(size, 20000))
        self.words = [w for w in (tokenizer.decode([i]) for i in sample) if w]

    def some(self, choices, low, high):
        return "".join(self.random.choices(choices, k=self.random.randint(low, high)))

    def words_of_the_vocabulary(self):
        for _ in range(4000):
            yield self.some(self.words, 1, 14)

    def prose(self):
        for _ in range(1500):
            words = self.random.choices(ENGLISH, k=self.random.randint(1, 20))
            yield self.random.choice([" ", " ", "  ", "\n", " \n"]).join(words)
        for text in (CHINESE, JAPANESE, KOREAN):
            for _ in range(600):
                start = self.random.randrange(len(text))
                piece = text[start : start + self.random.randint(1, 30)]
                yield piece + self.random.choice(["", " ", "\n", "abc", "12", "！"]) + piece[::-1]

    def blocks_of_unicode(self):
        assigned = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
        for start in range(0, len(assigned), 64):
            block = [chr(c) for c in assigned[start : start + 64]]
            known = [c for c in block if unicodedata.category(c) not in ("Cn", "Co")]
            ideographs = known and "CJK UNIFIED" in unicodedata.name(known[0], "")
            syllables = known and "HANGUL SYLLABLE" in unicodedata.name(known[0], "")
            if not known:
                if self.random.random() < 0.01:
                    yield self.some(block, 1, 5)
                continue
            if (ideographs or syllables) and self.random.random() < 0.7:
                continue
            for _ in range(4):
                yield self.some(known + [" ", "a", "1", "-"], 1, 14)
            yield "x" + self.some(known, 1, 6) + " " + self.some(known, 1, 6)

    def combining(self):
        for _ in range(1800):
            yield self.some(BASES, 1, 2) + self.some(MARKS, 1, 5) + self.some(BASES + MARKS, 0, 6)
        jamo = [chr(c) for c in (*range(0x10FE, 0x1104), *range(0x1112, 0x1116))]
        jamo += [chr(c) for c in (*range(0x115F, 0x1164), *range(0x1174, 0x1178))]
        jamo += [chr(c) for c in (*range(0x11A6, 0x11AA), *range(0x11C0, 0x11C5))]
        jamo += ["\uac00", "\uac01", "\ud7a3", "\u0301", "a", "\ua960", "\ud7b0", "\ud7cb"]
        for _ in range(900):
            yield self.some(jamo, 1, 8)
        for mark in MARKS[:40]:
            yield "e" + mark * self.random.randint(2, 60) + "\u0323"

    def compatibility(self):
        ranges = [*range(0xF900, 0xFB50), *range(0x2F800, 0x2FA20), *range(0xFE70, 0xFF00)]
        ranges += [*range(0xFF00, 0xFFF0), *range(0x2100, 0x2190), *range(0x3300, 0x3400)]
        ranges += [0x340, 0x341, 0x343, 0x344, 0x374, 0x37E, 0x387, 0x1F71, 0x2126, 0x212A, 0x212B]
        ranges += [0x2329, 0x1D15E, 0x11099, 0x1109A, 0x110BA, 0x11131, 0x11127, 0x11935, 0x11930]
        characters = [chr(c) for c in ranges]
        for _ in range(900):
            yield self.some(characters + [" ", "a", "\u0301"], 1, 10)

    def emoji(self):
        loose = list("\u200d\ufe0f\ufe0e\u20e3🏻🏿🇦🇿👩👦\U000e0067\U000e007f ")
        for _ in range(600):
            yield self.some(EMOJI + ["a", " "], 1, 6)
            yield self.some(loose, 1, 8)

    def control(self):
        characters = [chr(c) for c in (*range(0x20), *range(0x7F, 0xA1))] + list(NOT_SPACES)
        for _ in range(600):
            yield self.some(characters + ["a", "1", ".", " "], 1, 12)

    def white_space(self):
        for _ in range(1200):
            parts = [self.some(SPACES[:6] + "  \n", 0, 5), self.some(SPACES + NOT_SPACES, 0, 4)]
            word = self.random.choice(["", "a", "1", ".", "é", "中", "'s", "\u0301"])
            yield "".join(parts) + word + self.some(" \n\r\t\u3000", 0, 6) + word

    def contractions(self):
        for _ in range(900):
            words = ["", "I", "we", "you", " it", "é", "3", "中", ".", " "]
            pairs = (self.random.choice(words) + self.random.choice(CONTRACTIONS) for _ in range(4))
            yield "".join(pairs) + self.random.choice(["", "s", "x", " ", "É", "'"])

    def numbers(self):
        digits = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c))[0] == "N"]
        digits += list("0123456789" * 40) + list(".,-+eE% " * 10)
        for _ in range(800):
            yield self.some(digits, 1, 12)

    def code(self):
        for _ in range(900):
            text = "".join(self.random.choices(CODE, k=2))
            start = self.random.randrange(len(text))
            yield text[start : start + self.random.randint(1, 70)]
        for _ in range(500):
            yield self.some(list(PUNCTUATION) + [" ", "\n", "a", "_", "\r\n"], 1, 16)

    def long_runs(self):
        for character in "aA01 \n\t.-=_'<中한é\u0301😀\u3000#*/\\\u00a0":
            for length in (2, 3, 4, 7, 8, 9, 16, 31, 47, 48, 49, 50, 64, 65, 127, 128, 200):
                yield character * length
                yield "b" + character * length + "c"
        for _ in range(60):
            unit = self.some(self.words, 1, 2)
            yield unit * self.random.randint(10, 80)

    def added_tokens(self):
        partial = [t[:n] for t in self.added for n in (1, len(t) // 2, len(t) - 1) if t[:n]]
        partial += [t[1:] for t in self.added if len(t) > 1]
        fill = ["", " ", "  ", "\n", " \n", "a", "é", "\u0301", "1", "_", "中", "'s", ".", "\u00a0"]
        for _ in range(1800):
            parts = []
            for _ in range(self.random.randint(1, 5)):
                source = self.random.choice([self.added, self.added, partial, fill, self.words])
                parts += [self.random.choice(source), self.random.choice(fill)]
            yield "".join(parts)

    def bytes_of_all_kinds(self):
        tricky = [b"\xc0", b"\xc2", b"\xe0\x80", b"\xe4\xb8", b"\xed\xa0\x80", b"\xf0\x9f\x98"]
        tricky += [b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xff", b"\xfe", b"\x80", b"a"]
        tricky += [b" ", "中".encode(), b"\xf0\x80\x80\x80", b"\xe0\xa0", b"\xf1\x80", b"\xef\xbf\xbd"]
        for _ in range(700):
            yield b"".join(self.random.choices(tricky, k=self.random.randint(1, 8)))
            yield self.random.randbytes(self.random.randint(1, 24))

    def texts(self):
        makers = [
            self.words_of_the_vocabulary, self.prose, self.blocks_of_unicode, self.combining,
            self.compatibility, self.emoji, self.control, self.white_space, self.contractions,
            self.numbers, self.code, self.long_runs, self.added_tokens, self.bytes_of_all_kinds,
        ]  # fmt: skip
        seen = {}
        for maker in makers:
            for text in maker():
                data = text if isinstance(text, bytes) else text.encode()
                if data != DECODE_ONLY:
                    seen.setdefault(data)
        return list(seen)

    def id_streams(self, limit):
        for _ in range(600):
            yield [self.random.randrange(limit + 3) for _ in range(self.random.randint(1, 12))]
        for _ in range(400):  # single bytes: characters put together, and broken
            yield [self.random.randrange(256) for _ in range(self.random.randint(1, 12))]


def encode(tokenizer, text):
    """The ids, or None where the package itself panics: an lstrip token made of white space that
    begins inside what an rstrip token took."""
    try:
        return tokenizer.encode(text, add_special_tokens=False).ids
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":
            raise
        return None


def freeze(tokenizer, corpus, decode_limit):
    cases = []
    for data in corpus.texts():
        ids = encode(tokenizer, data.decode("utf-8", errors="replace"))
        if ids is not None:
            cases.append((data, ids))
    cases += [(DECODE_ONLY, ids) for ids in corpus.id_streams(decode_limit)]
    out = bytearray(struct.pack("<4sI", b"PTOK", len(cases)))
    for data, ids in cases:
        fields = [data, struct.pack(f"<{len(ids)}I", *ids)]
        fields += [tokenizer.decode(ids, skip_special_tokens=skip).encode() for skip in (False, True)]
        for field in fields:
            out += struct.pack("<I", len(field)) + field
    return len(cases), zlib.compress(bytes(out), 9)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qwen", required=True, help="the tokenizer.json of Qwen3")
    arguments = parser.parse_args()
    for name, path in (("qwen3", arguments.qwen), ("flags", GOLDEN / "flags.json")):
        tokenizer = Tokenizer.from_file(str(path))
        limit = tokenizer.get_vocab_size(with_added_tokens=True)
        count, data = freeze(tokenizer, Corpus(tokenizer), limit)
        (GOLDEN / f"{name}.bin").write_bytes(data)
        print(f"{name}.bin: {count} cases, {len(data)} bytes")


if __name__ == "__main__":
    main()
