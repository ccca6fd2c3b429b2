"""A tiny phrase grammar, so that a lexicon line stands for thousands of sentences.

A lexicon file holds three kinds of lines besides ``#`` comments:

* ``@name: a | b | c`` names a slot, used as ``{name}`` in every later line and file of the language;
* ``= Unsafe | Violent`` opens a section (any title will do);
* ``v: ...``, ``n: ...``, ``s: ...`` is a verb phrase, a noun phrase or a whole sentence.

Inside a line ``[x|y|]`` picks one alternative, and brackets nest.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path

_INNERMOST = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{([^{}]+)\}")
_CJK = "\u3000-\u303f\u3400-\u9fff\uff00-\uffef“”"
_CJK_SPACE = re.compile(f"(?<=[{_CJK}]) +| +(?=[{_CJK}])")


@dataclass
class Section:
    """The phrases of one section, by kind, each with its sampling weight."""

    phrases: list[tuple[str, str]] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)


class Grammar:
    """All slots and sections of one language."""

    def __init__(self, files: list[Path]) -> None:
        self.slots: dict[str, list[str]] = {}
        self.sections: dict[str, Section] = {}
        for file in files:
            self._read(file)

    def _read(self, file: Path) -> None:
        section = None
        for line in file.read_text(encoding="utf-8").splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("@"):
                name, options = line[1:].split(":", 1)
                self.slots[name] = [o.strip() for o in re.split(r" \|(?: |$)", options)]
            elif line.startswith("= "):
                section = self.sections.setdefault(line[2:].strip(), Section())
            else:
                kind, phrase = line.split(":", 1)
                section.phrases.append((kind, phrase.strip(" ")))
                # By the number of sentences, a few combinations of slots would crowd out long lists of different words.
                section.weights.append(min(self._wealth(phrase), 1500) ** 0.75)

    def _wealth(self, phrase: str) -> int:
        """How much text there is to learn in a phrase: its length, and some of its slots', which other lines teach, too."""
        return len(phrase) + sum(len("".join(self.slots.get(name, ""))) // 4 for name in _SLOT.findall(phrase))

    def expand(self, phrase: str, rng: random.Random, bound: dict[str, str] | None = None) -> str:
        """One sentence out of a phrase; ``bound`` fills slots such as ``{v}`` from outside."""
        bound = bound or {}

        def slot(match: re.Match[str]) -> str:
            name = match.group(1)
            return bound[name] if name in bound else rng.choice(self.slots[name])

        def pick(match: re.Match[str]) -> str:
            return rng.choice(match.group(1).split("|"))

        # Alternatives go first: what a bound slot brings along is text, not grammar.
        while _INNERMOST.search(phrase) or any(n not in bound for n in _SLOT.findall(phrase)):
            phrase = _INNERMOST.sub(pick, phrase)
            phrase = _SLOT.sub(lambda m: m.group(0) if m.group(1) in bound else slot(m), phrase)
        phrase = _SLOT.sub(slot, phrase)
        phrase = _CJK_SPACE.sub("", phrase)
        return re.sub(r" +([.,?!])", r"\1", re.sub(r" {2,}", " ", phrase)).strip()

    def draw(self, title: str, rng: random.Random, kinds: str = "vns") -> tuple[str, str]:
        """A phrase of a section and its kind: ``("v", "bake bread")``."""
        section = self.sections[title]
        while True:
            kind, phrase = rng.choices(section.phrases, section.weights)[0]
            if kind in kinds:
                return kind, self.expand(phrase, rng)

    def frame(self, title: str, rng: random.Random, bound: dict[str, str], kinds: str = "vns") -> str:
        """A sentence of a section around what is bound."""
        section = self.sections[title]
        while True:
            kind, phrase = rng.choices(section.phrases, section.weights)[0]
            if kind in kinds:
                return self.expand(phrase, rng, bound)


def gerund(verb_phrase: str) -> str:
    """``make a cake`` to ``making a cake``; good enough for made-up sentences."""
    verb, _, rest = verb_phrase.partition(" ")
    if verb.endswith("ie"):
        verb = verb[:-2] + "ying"
    elif verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")) and len(verb) > 2:
        verb = verb[:-1] + "ing"
    elif re.fullmatch(r"[^aeiou]*[aeiou][bdglmnprt]", verb):
        verb = verb + verb[-1] + "ing"
    else:
        verb = verb + "ing"
    return f"{verb} {rest}".strip()
