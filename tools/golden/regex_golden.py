"""What Python's re says about patterns and texts, for tests/structured/regex_conformance_test.cc.

    python3 tools/golden/regex_golden.py

writes tests/golden/structured/regex.json: a list of patterns, each with the texts that re.fullmatch
was asked about under re.ASCII, and whether they match; "error": true where re refuses the pattern.
Part of them is written by hand, the rest drawn from a fixed seed. Needs CPython 3.11.
"""

import json
import pathlib
import random
import re
import warnings

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "structured"
RANDOM_PATTERNS = 1500
TEXTS_PER_PATTERN = 8

# Each stands for a rule of the syntax; texts are drawn near what matches, and these are added.
HAND_WRITTEN = {
    "": ["", "a"],
    "a|": ["a", "", "aa"],
    "|||": ["", "|"],
    "(|a)b": ["b", "ab", "aab"],
    "(?:)": ["", "a"],
    "()*": ["", "a"],
    "(a*)*": ["", "aaa", "b"],
    "(a*)+b": ["b", "aab", "a"],
    "(?:a?){3}": ["", "aa", "aaa", "aaaa"],
    "a{2}": ["a", "aa", "aaa"],
    "a{2,}": ["a", "aa", "aaaaa"],
    "a{,2}": ["", "a", "aa", "aaa"],
    "a{,}": ["", "aaaa", "b"],
    "a{0}": ["", "a"],
    "a{0,0}b": ["b", "ab"],
    "a{1,2}?": ["a", "aa", "aaa"],
    "a??b": ["b", "ab"],
    "a*?a+?": ["", "a", "aaa"],
    "a{": ["a{", "a"],
    "a{}": ["a{}", "a"],
    "a{x}": ["a{x}"],
    "a{1": ["a{1"],
    "a{1,2": ["a{1,2"],
    "a{ 1}": ["a{ 1}", "a"],
    "a{1, 2}": ["a{1, 2}", "a"],
    "{": ["{"],
    "{}": ["{}"],
    "}]": ["}]"],
    '{"name": "[a-z]+", "age": \\d{1,3}}': ['{"name": "bob", "age": 42}', '{"name": "", "age": 4}'],
    "^abc$": ["abc", "abc\n", "abcd"],
    "^a|b$": ["a", "b", "ab"],
    "a\n$": ["a\n", "a"],
    ".": ["a", "\n", "\r", "", "護", "😀", "é", "\u2028", "\0"],
    ".*": ["", "a\nb", "護欄 ok"],
    "[^a]": ["a", "b", "\n", "é", "護", "😀", "\U0010ffff"],
    "[^\\n護]": ["\n", "護", "欄", "x"],
    "[]]": ["]", "["],
    "[]a]+": ["]a]", "b"],
    "[^]]": ["]", "a"],
    "[^^]": ["^", "a"],
    "[a^]": ["^", "a", "b"],
    "[-a]": ["-", "a", "b"],
    "[a-]": ["-", "a", "b"],
    "[a\\-z]": ["-", "a", "b", "z"],
    "[a-c-e]": ["-", "b", "d", "e"],
    "[+--]": ["+", ",", "-", "."],
    "[\\]\\\\]": ["]", "\\", "["],
    "[\\d.-]+": ["1.2-3", "a"],
    "[\\w-]": ["-", "a", "!"],
    "[\\s\\S]": ["\n", "a", "護"],
    "[^\\s\\S]": ["a", ""],
    "[^\\W\\d]": ["a", "1", "_", "é"],
    "[.]": [".", "a"],
    "[$^|(){}*+?]": ["$", "^", "|", "(", "a", "}"],
    "[\\x41-\\u0043]": ["A", "B", "C", "D"],
    "[α-ω]+": ["λογος", "abc", "Ω"],
    "[一-龥]{2}": ["護欄", "護", "ab"],
    "[\\u0000-\\uffff]": ["a", "\uffff", "\U00010000", "\ue000", "\ud7ff"],
    "[😀-😎]": ["😀", "😅", "😎", "😏", "😁😁"],
    "[\x7f-\x80\u07ff-\u0800\uffff-\U00010000]": ["\x7e", "\x7f", "\x80", "\x81", "\u07fe", "\u07ff",
                                                  "\u0800", "\u0801", "\uffff", "\U00010000",
                                                  "\U00010001"],
    "[\u0800-\U0010ffff]": ["\u07ff", "\u0800", "\u1000", "\ud7ff", "\ue000", "\U00010000",
                            "\U0010ffff"],
    "\\d+": ["0123456789", "٣", ""],
    "\\D": ["a", "1", "٣"],
    "\\w+": ["aZ_09", "é", "-"],
    "\\W": ["é", "a", "_", "-"],
    "\\s": [" ", "\t", "\n", "\r", "\f", "\v", "\u00a0", "\x1c", "a"],
    "\\S": [" ", "a", "\u00a0"],
    "\\n\\t\\r\\f\\v\\0": ["\n\t\r\f\v\0", "n"],
    "\\08": ["\x008"],
    "\\x41\\u8b77": ["A護"],
    "\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\^\\$\\\\\\/\\-\\ \\\"": [".*+?()[]{}|^$\\/- \""],
    "\\é\\_": ["é_"],
    "(?P<year>\\d{4})-(?P<month>\\d\\d)": ["2024-05", "24-05"],
    "(a|b)*abb": ["abb", "aabb", "ab", "babb"],
    "(ab|a)(bc|c)?": ["a", "ab", "abc", "abbc", "ac", "abcc"],
    "((a|b)?c){2,3}": ["cc", "acbc", "ccc", "c", "cccc"],
    "(?:yes|no|maybe)": ["yes", "no", "maybe", "yesno"],
    "-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?": ["0", "-1.5e10", "01", "1."],
    "\\(\\d{3}\\) \\d{3}-\\d{4}": ["(555) 123-4567", "555 123-4567"],
    "[\\w.]+@[\\w.]+\\.(com|org)": ["a.b@c.com", "a@b.net"],
    "Safety: (Safe|Unsafe|Controversial)\\nCategories: (None|Violent(, PII)?)":
        ["Safety: Safe\nCategories: None", "Safety: Unsafe\nCategories: Violent, PII", "Safety: "],
}

# All of these re refuses, and so must we.
REFUSED = ["*", "+a", "?", "a|*", "(*a)", "(", ")", "a)", "(a", "(?:a", "[", "[a", "[]", "[^]", "[^",
           "a**", "a+*", "a{2}{3}", "a*{2}", "a???", "{1}", "{1,2}a", "|{3}", "a{2,1}", "[b-a]",
           "[a-\\d]", "[\\d-a]", "\\", "a\\", "[\\", "\\x1", "\\xg0", "\\u123", "\\q", "[\\q]",
           "(?", "(?P", "(?P<", "(?P<>a)", "(?P<1a>a)", "(?P<a", "(?P<a b>c)", "(?z)", "(?<a>b)",
           "^*", "\\1"]

LETTERS = "ab1 -é護😀\n"


def random_class(rng):
    items = []
    for _ in range(rng.randint(1, 3)):
        items.append(rng.choice(["a", "b", "a-c", "0-9", "é", "à-ü", "護", "一-龥", "\\d", "\\W", "\\s",
                                 "\\n", "😀-😎", " "]))
    return "[" + rng.choice(["", "", "^"]) + "".join(items) + "]"


def random_pattern(rng, depth):
    kind = rng.randrange(8 if depth > 0 else 3)
    if kind <= 1:
        return re.escape(rng.choice(LETTERS))
    if kind == 2:
        return rng.choice([".", "\\d", "\\w", "\\D", "\\s", "\\S", random_class(rng), random_class(rng)])
    if kind <= 4:
        return "".join(random_pattern(rng, depth - 1) for _ in range(rng.randint(1, 3)))
    if kind == 5:
        choices = [random_pattern(rng, depth - 1) for _ in range(rng.randint(1, 3))]
        return rng.choice(["(", "(?:"]) + "|".join(choices) + ")"
    quantifier = rng.choice(["*", "+", "?", "{2}", "{1,}", "{,2}", "{1,3}", "*?", "+?", "??", "{0,2}?"])
    return "(?:" + random_pattern(rng, depth - 1) + ")" + quantifier


def random_text(rng):
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(0, 5)))


def changed(rng, text):
    """One character more, fewer or other: what just fails to match."""
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(["", *LETTERS]) + text[at + rng.randint(0, 1):]


def texts_near(rng, compiled):
    """Half of them match where chance finds any."""
    drawn = {random_text(rng) for _ in range(300)}
    drawn |= {changed(rng, text) for text in sorted(drawn) if compiled.fullmatch(text)}
    drawn = sorted(drawn)
    rng.shuffle(drawn)
    matching = [text for text in drawn if compiled.fullmatch(text)]
    others = [text for text in drawn if not compiled.fullmatch(text)]
    half = TEXTS_PER_PATTERN // 2
    return matching[:half] + others[:half]


def entry(rng, pattern, texts):
    compiled = re.compile(pattern, re.ASCII)
    texts = sorted(set(texts) | set(texts_near(rng, compiled)))
    return {"pattern": pattern,
            "texts": [[text, compiled.fullmatch(text) is not None] for text in texts]}


def main():
    warnings.simplefilter("ignore", FutureWarning)
    rng = random.Random(20240611)
    patterns = [entry(rng, pattern, texts) for pattern, texts in HAND_WRITTEN.items()]
    drawn = {random_pattern(rng, 4) for _ in range(RANDOM_PATTERNS)}
    patterns += [entry(rng, pattern, []) for pattern in sorted(drawn) if len(pattern) < 120]
    for pattern in REFUSED:
        try:
            re.compile(pattern, re.ASCII)
        except (re.error, OverflowError):
            patterns.append({"pattern": pattern, "error": True})
        else:
            raise SystemExit(f"re accepts {pattern!r}")
    lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in patterns)
    (GOLDEN / "regex.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    asked = [matches for item in patterns for _, matches in item.get("texts", [])]
    print(f"{len(patterns)} patterns, {len(REFUSED)} refused; {len(asked)} texts, {sum(asked)} match")


if __name__ == "__main__":
    main()
