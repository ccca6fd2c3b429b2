"""Make labelled conversations out of the lexicon.

Nothing is downloaded: each sample is a phrase of ``lexicon/``, put in a frame that all labels share (so that only the
content can tell them apart), roughened by noise, and for response moderation answered by a made-up reply.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import dataclass, replace
from pathlib import Path

from grammar import Grammar, gerund

LEXICON = Path(__file__).parent / "lexicon"
LEXICON_PARTS = ("unsafe", "grey", "safe", "more", "broad", "wide", "words", "first", "replies", "talk")
SHARE_OF_FIRST = 0.08
CATEGORIES = (
    "Violent",
    "Non-violent Illegal Acts",
    "Sexual Content or Sexual Acts",
    "PII",
    "Suicide & Self-Harm",
    "Unethical Acts",
    "Politically Sensitive Topics",
    "Copyright Violation",
    "Jailbreak",
)
WEIGHT_OF_CATEGORY = (1.3, 1.5, 1.0, 1.0, 1.0, 1.2, 1.1, 1.0, 1.0)
PROMPT, RESPONSE = "prompt", "response"


@dataclass(frozen=True)
class Request:
    """What a user asks, and how the policy sees it."""

    text: str
    kind: str
    phrase: str
    safety: str
    categories: tuple[str, ...]
    lang: str


@dataclass(frozen=True)
class Sample:
    """A conversation with the verdict on its last message."""

    messages: tuple[tuple[str, str], ...]
    safety: str
    categories: tuple[str, ...]
    refusal: str | None
    lang: str

    def verdict(self) -> str:
        """The answer the model has to write."""
        lines = [f"Safety: {self.safety}", f"Categories: {', '.join(self.categories) or 'None'}"]
        if self.refusal is not None:
            lines.append(f"Refusal: {self.refusal}")
        return "\n".join(lines)

    def as_json(self) -> dict:
        """The held-out file's format."""
        return {
            "messages": [{"role": role, "content": content} for role, content in self.messages],
            "safety": self.safety,
            "categories": list(self.categories),
            "refusal": self.refusal,
            "lang": self.lang,
        }


class Maker:
    """Draws samples; the same seed gives the same samples."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.grammars = {}
        for lang in ("en", "zh"):
            self.grammars[lang] = Grammar([LEXICON / f"{lang}_{part}.txt" for part in LEXICON_PARTS])
        frames = Grammar([LEXICON / "frames.txt"]).sections
        for lang, grammar in self.grammars.items():
            for title, section in frames.items():
                if title.startswith(lang):
                    grammar.sections[title[3:]] = section

    # -- requests

    def request(self, lang: str, safety: str, jailbreak: bool = True) -> Request:
        """A request of the label asked for."""
        rng, grammar = self.rng, self.grammars[lang]
        if rng.random() < SHARE_OF_FIRST and safety != "Controversial":
            return self._first(lang, safety)
        if safety == "Safe":
            draw = rng.random()
            if draw < 0.05:
                return Request(self._no_language(), "s", "", "Safe", (), lang)
            if draw < 0.12:
                return self._asked_with_good_intent(lang)
            kind, phrase = grammar.draw("Safe | None", rng)
            categories: tuple[str, ...] = ()
        else:
            while True:
                category = rng.choices(CATEGORIES, WEIGHT_OF_CATEGORY)[0]
                if (category != "Jailbreak" or jailbreak) and f"{safety} | {category}" in grammar.sections:
                    break
            kind, phrase = grammar.draw(f"{safety} | {category}", rng)
            categories = (category,)
            if safety == "Unsafe" and kind == "v" and category != "Jailbreak":
                if rng.random() < 0.03:
                    text = grammar.frame("novel", rng, {"v": phrase, "ving": gerund(phrase)})
                    return Request(self._roughen(text, lang), kind, phrase, "Controversial", categories, lang)
                if jailbreak and rng.random() < 0.03:
                    _, lead = grammar.draw("Unsafe | Jailbreak", rng, "s")
                    text = f"{lead} {self._framed(grammar, kind, phrase)}"
                    return Request(self._roughen(text, lang), kind, phrase, safety, categories + ("Jailbreak",), lang)
        return Request(self._roughen(self._framed(grammar, kind, phrase), lang), kind, phrase, safety, categories, lang)

    def _first(self, lang: str, safety: str) -> Request:
        """What a newcomer types to see whether it works."""
        grammar = self.grammars[lang]
        title = self.rng.choice([t for t in grammar.sections if t.startswith(f"First | {safety}")])
        kind, phrase = grammar.draw(title, self.rng)
        categories = () if safety == "Safe" else (title.split(" | ")[2],)
        text = self._framed(grammar, kind, phrase)
        text = text if self.rng.random() < 0.5 else self._roughen(text, lang)
        return Request(text, kind, phrase, safety, categories, lang)

    def _framed(self, grammar: Grammar, kind: str, phrase: str) -> str:
        if kind == "s":
            return phrase
        return grammar.frame(kind, self.rng, {kind: phrase, "ving": gerund(phrase)}, "s")

    def _asked_with_good_intent(self, lang: str) -> Request:
        """How to prevent it, whether it is legal: the words of a crime in a harmless question."""
        rng, grammar = self.rng, self.grammars[lang]
        category = rng.choice(["Violent", "Non-violent Illegal Acts", "Non-violent Illegal Acts", "PII", "Unethical Acts"])
        _, phrase = grammar.draw(f"Unsafe | {category}", rng, "v")
        text = grammar.frame("hope", rng, {"v": phrase, "ving": gerund(phrase)})
        return Request(self._roughen(text, lang), "s", "", "Safe", (), lang)

    def _no_language(self) -> str:
        """Empty text, single words, digits, code, gibberish."""
        rng = self.rng
        letters = "abcdefghijklmnopqrstuvwxyz"

        def word(low: int, high: int) -> str:
            return "".join(rng.choice(letters) for _ in range(rng.randint(low, high)))

        choice = rng.randrange(9)
        if choice == 0:
            return rng.choice(["", " ", ".", "?", "...", "!!!", "\n", "-", "🙂", "👍", "❤️", "😂😂", "¯\\_(ツ)_/¯"])
        if choice == 1:
            return " ".join(word(2, 9) for _ in range(rng.randint(1, 5)))
        if choice == 2:
            return "".join(rng.choice("0123456789 +-*/.=,") for _ in range(rng.randint(1, 16)))
        if choice == 3:
            grammar = self.grammars["en"]
            name = rng.choice(["dish", "country", "city", "animal", "sci", "tech", "hist", "figure", "hobby"])
            return rng.choice([str.lower, str, str.capitalize])(rng.choice(grammar.slots[name]))
        if choice == 4:
            grammar = self.grammars["zh"]
            return rng.choice(grammar.slots[rng.choice(["菜", "国", "城", "物", "学", "技", "史", "人", "爱好"])])
        if choice == 5:
            a, b, n = word(1, 6), word(1, 6), rng.randint(0, 99)
            return rng.choice([
                f"def {a}({b}):\n    return {b} + {n}", f"for {a} in range({n}): print({a})", f"SELECT {a} FROM {b} WHERE id = {n};",
                f"int {a} = {n};", f"<div class=\"{a}\">{b}</div>", f"console.log('{a}', {n})", f"{{\"{a}\": {n}, \"{b}\": true}}",
                f"https://{a}.com/{b}?id={n}", f"git commit -m \"{a} {b}\"", f"import {a}\nfrom {b} import *", f"{a}@{b}.org",
                f"#include <{a}.h>\nint main() {{ return {n}; }}", f"x = {n} * y + {n + 3}", f"ls -la /{a}/{b}", f"kill -9 {n}{n}",
            ])
        if choice == 6:
            return rng.choice(letters) * rng.randint(1, 20)
        if choice == 7:
            return "".join(chr(rng.randint(0x4E00, 0x9FA5)) for _ in range(rng.randint(1, 8)))
        return rng.choice([
            "¿Cuál es la capital de Francia?", "Hola, ¿cómo estás?", "Bonjour, comment ça va ?", "Quelle heure est-il ?",
            "Wie spät ist es?", "Guten Morgen!", "Ciao, come stai?", "こんにちは", "안녕하세요", "Привет, как дела?", "Olá, tudo bem?",
            "Was ist die Hauptstadt von Italien?", "Receta de pan", "今日の天気は？", "Спасибо", "Merci beaucoup",
        ])

    # -- noise

    def _roughen(self, text: str, lang: str) -> str:
        """How people really type: greetings, context, thanks, case, lost punctuation, typos."""
        rng, grammar = self.rng, self.grammars[lang]
        gap = " " if lang == "en" else ""
        if rng.random() < 0.14:
            text = grammar.frame("before", rng, {}) + gap + text
        if rng.random() < 0.10:
            text = text + (gap if text[-1:] in ".?!。？！" else rng.choice([". ", ", "]) if lang == "en" else "，") + grammar.frame("after", rng, {})
        if lang == "zh":
            return text.rstrip("。？！") if rng.random() < 0.2 else text
        draw = rng.random()
        if draw < 0.30:
            text = text.lower()
        elif draw < 0.33:
            text = text.upper()
        elif draw < 0.85:
            text = text[:1].upper() + text[1:]
        if rng.random() < 0.25:
            text = text.rstrip(".?!")
        if rng.random() < 0.10:
            text = self._typo(text)
        return text

    def _typo(self, text: str) -> str:
        rng = self.rng
        if len(text) < 6:
            return text
        at = rng.randrange(1, len(text) - 2)
        swap, drop, double = text[:at] + text[at + 1] + text[at] + text[at + 2 :], text[:at] + text[at + 1 :], text[:at] + text[at] + text[at:]
        return rng.choice([swap, drop, double])

    # -- replies

    def reply(self, request: Request, section: str) -> str:
        """An assistant's reply to a request, in the manner of a section."""
        rng, grammar = self.rng, self.grammars[request.lang]
        bound = {request.kind: request.phrase, "ving": gerund(request.phrase)} if request.phrase else {}
        kinds = "s" + (request.kind if bound else "")
        of_its_own = f"{section} | {request.categories[0]}" if request.categories else ""
        if of_its_own in grammar.sections and rng.random() < 0.4:
            section = of_its_own
        while True:
            kind, phrase = rng.choices(grammar.sections[section].phrases, grammar.sections[section].weights)[0]
            needed = {name for name in ("v", "ving", "n") if "{" + name + "}" in phrase}
            if kind in kinds and needed <= bound.keys():
                text = grammar.expand(phrase, rng, bound)
                break
        if request.lang == "en":
            text = text[:1].upper() + text[1:] if rng.random() < 0.95 else text.lower()
            text = self._typo(text) if rng.random() < 0.02 else text
        return text

    def _answered(self, request: Request) -> tuple[str, str, tuple[str, ...], str]:
        """A reply to a request with its safety, categories and refusal."""
        rng = self.rng
        if request.safety == "Safe":
            if rng.random() < 0.10:
                return self.reply(request, "Refusal"), "Safe", (), "Yes"
            if rng.random() < 0.06:
                other = self.request(request.lang, "Unsafe", jailbreak=False)
                if other.safety == "Unsafe" and other.kind in "vn":
                    return self.reply(other, "Comply"), "Unsafe", other.categories, "No"
            return self.reply(request, "SafeAnswer"), "Safe", (), "No"
        categories = tuple(c for c in request.categories if c != "Jailbreak")
        draw = rng.random()
        if draw < (0.48 if request.safety == "Unsafe" else 0.25) or not categories:
            return self.reply(request, "Refusal"), "Safe", (), "Yes"
        if request.safety == "Unsafe":
            if draw < 0.53:
                return self.reply(request, "Deflect"), "Safe", (), "Yes"
            return self.reply(request, "Comply"), "Unsafe", categories, "No"
        if draw < 0.45:
            return self.reply(request, "Balanced"), "Safe", (), "No"
        return self.reply(request, "Opinionated"), "Controversial", categories, "No"

    # -- samples

    def _followed_up(self, request: Request) -> tuple[list[tuple[str, str]], Request]:
        """A second message that is about the first one: it insists on the request, or lets go of it."""
        rng, grammar = self.rng, self.grammars[request.lang]
        insists = rng.random() < 0.7
        text = self._roughen(grammar.frame("again" if insists else "letgo", rng, {}), request.lang)
        messages = [("user", request.text), ("assistant", self._answered(request)[0]), ("user", text)]
        return messages, request if insists else replace(request, safety="Safe", categories=())

    def sample(self, mode: str) -> Sample:
        """One conversation, judged on its last message."""
        rng = self.rng
        lang = "en" if rng.random() < 0.55 else "zh"
        shares = (0.44, 0.37, 0.19) if mode == PROMPT else (0.30, 0.46, 0.24)
        safety = rng.choices(("Safe", "Unsafe", "Controversial"), shares)[0]
        request = self.request(lang, safety)
        messages = [("user", request.text)]
        if rng.random() < 0.10:
            earlier = self.request(lang, rng.choices(("Safe", "Unsafe", "Controversial"), (0.7, 0.2, 0.1))[0])
            messages = [("user", earlier.text), ("assistant", self._answered(earlier)[0]), *messages]
        elif mode == PROMPT and rng.random() < 0.05:
            messages, request = self._followed_up(request)
        if mode == PROMPT:
            return Sample(tuple(messages), request.safety, request.categories, None, lang)
        text, safety, categories, refusal = self._answered(request)
        return Sample((*messages, ("assistant", text)), safety, categories, refusal, lang)


def main() -> None:
    """Print samples, to look at them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=(PROMPT, RESPONSE), default=PROMPT)
    args = parser.parse_args()
    maker = Maker(args.seed)
    for _ in range(args.count):
        print(json.dumps(maker.sample(args.mode).as_json(), ensure_ascii=False))


if __name__ == "__main__":
    main()
