"""Judge labelled conversations with the exported checkpoint, and report aggregate numbers.

The bfloat16 weights are what is measured, in float32 arithmetic, by greedy decoding of the whole verdict. Items are not
printed unless asked for with ``--show-errors``, which is for development sets only: nobody who works on the lexicon
should read the held-out set.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from model import Guard, KeyValues, Shape
from template import MODEL, cut, renderer

LABELS = ("Safe", "Unsafe", "Controversial")
VERDICT = re.compile(r"Safety: (\w+)\nCategories: ([^\n]+)(?:\nRefusal: (Yes|No))?")


@dataclass(frozen=True)
class Verdict:
    safety: str
    categories: frozenset[str]
    refusal: str | None


class Judge:
    """The checkpoint, ready to judge."""

    def __init__(self) -> None:
        self.tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
        self.end = self.tokenizer.token_to_id("<|im_end|>")
        self.guard = Guard(Shape(vocab_size=self.tokenizer.get_vocab_size())).eval()
        self.guard.load_state_dict({n: t.float() for n, t in load_file(MODEL / "model.safetensors").items()})
        self.render = renderer()
        self.prefixes: dict[str, tuple[int, KeyValues]] = {}

    def _prefix(self, text: str) -> tuple[int, KeyValues]:
        """Length, keys and values of a constant prefix; there are two."""
        if text not in self.prefixes:
            ids = self.tokenizer.encode(text).ids
            self.prefixes[text] = len(ids), self.guard.hidden(torch.tensor([ids]), torch.arange(len(ids))[None])[1]
        return self.prefixes[text]

    @torch.inference_mode()
    def write(self, messages: list[dict]) -> str:
        """The verdict's text, greedily."""
        prefix, conversation, tail = cut(self.render(messages))
        seen, past = self._prefix(prefix)
        ids, written = self.tokenizer.encode(conversation + tail).ids, []
        while len(written) < 48:
            hidden, own = self.guard.hidden(torch.tensor([ids]), torch.arange(seen, seen + len(ids))[None], past)
            past = [tuple(torch.cat(p, 2) for p in zip(a, b)) for a, b in zip(past, own)]
            seen += len(ids)
            token = int(self.guard.logits(hidden[0, -1]).argmax())
            if token == self.end:
                break
            written.append(token)
            ids = [token]
        return self.tokenizer.decode(written)

    def judge(self, messages: list[dict]) -> Verdict:
        match = VERDICT.fullmatch(self.write(messages))
        if match is None or match.group(1) not in LABELS:
            return Verdict("Malformed", frozenset(), None)
        return Verdict(match.group(1), as_set(match.group(2).split(", ")), match.group(3))


def as_set(categories: list[str]) -> frozenset[str]:
    return frozenset(c for c in categories if c != "None")


def share(hits: list[bool]) -> dict:
    """An accuracy with its count."""
    return {"n": len(hits), "accuracy": round(sum(hits) / len(hits), 4) if hits else None}


def report(items: list[dict], verdicts: list[Verdict]) -> dict:
    """All aggregate numbers."""
    right = [v.safety == i["safety"] for i, v in zip(items, verdicts)]

    def where(test) -> dict:
        return share([r for r, i in zip(right, items) if test(i)])

    scores = {}
    for label in LABELS:
        hits = sum(v.safety == label == i["safety"] for i, v in zip(items, verdicts))
        told, true = sum(v.safety == label for v in verdicts), sum(i["safety"] == label for i in items)
        precision, recall = hits / told if told else 0.0, hits / true if true else 0.0
        f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
        scores[label] = {"n": true, "precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}
    confusion = Counter((i["safety"], v.safety) for i, v in zip(items, verdicts))
    flagged = [(i, v) for i, v in zip(items, verdicts) if i["safety"] != "Safe"]
    return {
        "label_accuracy": share(right),
        "macro_recall": round(sum(s["recall"] for s in scores.values()) / len(LABELS), 4),
        "macro_f1": round(sum(s["f1"] for s in scores.values()) / len(LABELS), 4),
        "by_label": scores,
        "by_language": {lang: where(lambda i: i["lang"] == lang) for lang in sorted({i["lang"] for i in items})},
        "by_mode": {
            "prompt": where(lambda i: i["messages"][-1]["role"] == "user"),
            "response": where(lambda i: i["messages"][-1]["role"] == "assistant"),
        },
        "by_turns": {
            "single": where(lambda i: len(i["messages"]) <= 2),
            "multi": where(lambda i: len(i["messages"]) > 2),
        },
        "safe_or_not": share([(v.safety == "Safe") == (i["safety"] == "Safe") for i, v in zip(items, verdicts)]),
        "categories_exact": share([v.categories == as_set(i["categories"]) for i, v in zip(items, verdicts)]),
        "categories_exact_where_not_safe": share([v.categories == as_set(i["categories"]) for i, v in flagged]),
        "category_hit_where_not_safe": share([bool(v.categories & as_set(i["categories"])) for i, v in flagged]),
        "refusal": share([v.refusal == i["refusal"] for i, v in zip(items, verdicts) if i["refusal"] is not None]),
        "malformed": sum(v.safety == "Malformed" for v in verdicts),
        "confusion": {t: {p: confusion[t, p] for p in (*LABELS, "Malformed")} for t in LABELS},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, help="write the report here, too")
    parser.add_argument("--show-errors", action="store_true", help="development sets only")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    items = [json.loads(line) for line in args.data.read_text(encoding="utf-8").splitlines() if line.strip()]
    judge = Judge()
    verdicts = [judge.judge(item["messages"]) for item in items]
    if args.show_errors:
        for item, verdict in zip(items, verdicts):
            if verdict.safety != item["safety"] or verdict.categories != as_set(item["categories"]) or verdict.refusal != item["refusal"]:
                said = (verdict.safety, *sorted(verdict.categories), verdict.refusal)
                print(said, "not", item["safety"], item["categories"], item["refusal"], [m["content"] for m in item["messages"]])
    result = {
        "data": {"file": args.data.name, "items": len(items), "sha256": hashlib.sha256(args.data.read_bytes()).hexdigest()},
        "weights_sha256": hashlib.sha256((MODEL / "model.safetensors").read_bytes()).hexdigest(),
        **report(items, verdicts),
    }
    text = json.dumps(result, indent=2) + "\n"
    print(text, end="")
    if args.out:
        args.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
