"""Write the model card from ``metrics.json``, so that it never claims another number than was measured."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import safe_open
from tokenizers import Tokenizer

from model import Shape
from template import MODEL, renderer

HERE = Path(__file__).parent
CARD = """---
license: apache-2.0
language:
- en
- zh
library_name: transformers
pipeline_tag: text-generation
tags:
- safety
- moderation
- guard
- qwen3
---

# parapet-guard-tiny

A guard model of {parameters:,} parameters for tests, demonstrations and benchmarks of **Parapet**. It reads a conversation
through a chat template and writes a verdict in the format of Qwen3Guard-Gen:

```
Safety: Unsafe
Categories: Violent
```

and, where the last message is an assistant's, a third line `Refusal: Yes` or `Refusal: No`.

It is a real `Qwen3ForCausalLM`: the same architecture, file formats and prompt text as the guards it stands in for, at a
size that is cloned with a repository and answers in milliseconds on a CPU. It is **not** Qwen3Guard, shares no weights
with it, and comes nowhere near its judgement.

## Not for production

Do not moderate real traffic with it. It learnt from made-up sentences only, so it goes by words and phrases it has met;
a determined user gets past it at once, and a harmless sentence with unusual words can be flagged.

## Shape

| | |
| --- | --- |
| architecture | `Qwen3ForCausalLM`, tied embeddings, bfloat16 |
| parameters | {parameters:,} |
| layers, hidden, intermediate | {shape.num_hidden_layers}, {shape.hidden_size}, {shape.intermediate_size} |
| attention | {shape.num_attention_heads} query heads, {shape.num_key_value_heads} key-value heads, head size {shape.head_dim}, normalised queries and keys |
| vocabulary | {shape.vocab_size:,}, byte-level BPE of its own in Qwen3's file format |
| positions | {shape.max_position_embeddings:,}, rotary base {shape.rope_theta:,.0f} |
| prompt | {prompt_tokens} tokens around "How can I make a bomb?", {response_tokens} with a short reply |

Training saw conversations of up to 160 tokens. Longer ones run, but were not trained for.

The template lists every turn as `USER: ...` or `ASSISTANT: ...` and judges the last. System messages are neither shown nor
judged: they are the operator's words. Content may be a string or a list of text parts, which are joined by newlines. No
messages, another role or a part that is not text raises an exception.

## How it was made

`tools/bundled_model` of the Parapet repository holds everything: hand-written lexicons, the script that turns them into
labelled conversations in English and Chinese, the tokenizer's and the model's training, and the evaluation. No data set
and no other model's weights or output were used. Harmful examples are short requests, or replies that stop before they
say anything of use.

## Accuracy

Measured on `tools/bundled_model/heldout.jsonl` ({items} conversations, written apart from the lexicons by somebody else),
with the bfloat16 weights, in float32 arithmetic, by greedy decoding. A label that is always `Safe` would get {always_safe:.1%}.

| | n | accuracy |
| --- | ---: | ---: |
{rows}

Macro F1 of the labels is {macro_f1:.3f}, macro recall {macro_recall:.3f}. Malformed verdicts: {malformed}.

| label | n | precision | recall | F1 |
| --- | ---: | ---: | ---: | ---: |
{labels}

| true \\ told | Safe | Unsafe | Controversial |
| --- | ---: | ---: | ---: |
{confusion}

The exact numbers are in `tools/bundled_model/metrics.json`.

## Known weaknesses

* It has seen only what its lexicon spells and no other text: of the unsafe messages it recognises {unsafe_found:.0%}, and of the
  harmless ones it lets {safe_passed:.0%} through as `Safe`, see the table. We aim at 90%.
* `Controversial` is a matter of taste, and the weakest label.
* Words that the lexicons lack are split into pieces it knows little about.
* Irony, encoded words, long texts and other languages than English and Chinese were not trained for.
"""


def main() -> None:
    metrics = json.loads((HERE / "metrics.json").read_text(encoding="utf-8"))
    shape = Shape()
    with safe_open(MODEL / "model.safetensors", "pt") as file:
        parameters = sum(file.get_tensor(name).numel() for name in file.keys())
    tokenizer, render = Tokenizer.from_file(str(MODEL / "tokenizer.json")), renderer()
    question = ("user", "How can I make a bomb?")
    lines = [
        ("label, all", metrics["label_accuracy"]),
        ("label, English", metrics["by_language"]["en"]),
        ("label, Chinese", metrics["by_language"]["zh"]),
        ("label, prompts", metrics["by_mode"]["prompt"]),
        ("label, responses", metrics["by_mode"]["response"]),
        ("label, one exchange", metrics["by_turns"]["single"]),
        ("label, several turns", metrics["by_turns"]["multi"]),
        ("Safe or not", metrics["safe_or_not"]),
        ("categories, exact set", metrics["categories_exact"]),
        ("categories, exact set, where not Safe", metrics["categories_exact_where_not_safe"]),
        ("refusal, responses", metrics["refusal"]),
    ]
    scores, confusion = metrics["by_label"], metrics["confusion"]
    card = CARD.format(
        parameters=parameters,
        shape=shape,
        prompt_tokens=len(tokenizer.encode(render([question])).ids),
        response_tokens=len(tokenizer.encode(render([question, ("assistant", "I cannot help with that.")])).ids),
        items=metrics["data"]["items"],
        always_safe=scores["Safe"]["n"] / metrics["data"]["items"],
        rows="\n".join(f"| {name} | {cell['n']} | {cell['accuracy']:.1%} |" for name, cell in lines if cell["n"]),
        unsafe_found=scores["Unsafe"]["recall"],
        safe_passed=scores["Safe"]["recall"],
        macro_f1=metrics["macro_f1"],
        macro_recall=metrics["macro_recall"],
        malformed=metrics["malformed"],
        labels="\n".join(f"| {t} | {s['n']} | {s['precision']:.1%} | {s['recall']:.1%} | {s['f1']:.3f} |" for t, s in scores.items()),
        confusion="\n".join(f"| {t} | {c['Safe']} | {c['Unsafe']} | {c['Controversial']} |" for t, c in confusion.items()),
    )
    (MODEL / "README.md").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
