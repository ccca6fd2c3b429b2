"""Train the byte-level BPE tokenizer, in the file format of Qwen3's.

The template is fed many times over so that each of its words becomes one token: a guard prompt is mostly template, and
fewer tokens are less work. Chinese is fed in pieces of one or two characters: the splitter takes a run of Chinese for
one word, and tokens as long as a lexicon phrase would not be met again in other people's sentences.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from make_data import PROMPT, RESPONSE, Maker
from template import MODEL, renderer

VOCABULARY = 8192
SAMPLES = 60_000
COPIES_OF_TEMPLATE = 20_000
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = (
    "<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|> <|box_end|> "
    "<|quad_start|> <|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|> <|image_pad|> <|video_pad|>"
).split()
PLAIN = (
    "<tool_call> </tool_call> <|fim_prefix|> <|fim_middle|> <|fim_suffix|> <|fim_pad|> <|repo_name|> <|file_sep|> "
    "<tool_response> </tool_response> <think> </think>"
).split()
CHINESE = re.compile("[\u3400-\u9fff]+")


def in_pieces(text: str, rng: random.Random) -> str:
    """Put spaces into runs of Chinese, after one or two characters each."""

    def pieces(match: re.Match[str]) -> str:
        run, out = match.group(0), []
        while run:
            length = rng.choice((1, 2, 2))
            out.append(run[:length])
            run = run[length:]
        return "\n".join(out)

    return CHINESE.sub(pieces, text)


def corpus(rng: random.Random) -> Iterator[str]:
    """Samples, their verdicts and the template."""
    render, maker = renderer(), Maker(seed=100)
    for mode, share in ((PROMPT, 0.6), (RESPONSE, 0.4)):
        for _ in range(int(SAMPLES * share)):
            sample = maker.sample(mode)
            for role, content in sample.messages:
                yield in_pieces(" " + content, rng)
    for _ in range(COPIES_OF_TEMPLATE):
        yield render([("user", "Hello")]).replace("<|im_end|>", "").replace("<|im_start|>", "")
        yield "Safety: Safe Unsafe Controversial\nCategories: None Refusal: Yes No"
    for _ in range(COPIES_OF_TEMPLATE // 2):
        yield render([("user", "Hello"), ("assistant", "Hi")]).replace("<|im_end|>", "").replace("<|im_start|>", "")


def main() -> None:
    """Train and write ``tokenizer.json`` and ``tokenizer_config.json``."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
    ])
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL) - len(PLAIN),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(random.Random(101)), trainer)
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in SPECIAL])
    tokenizer.add_tokens([AddedToken(t, normalized=False, special=False) for t in PLAIN])
    tokenizer.save(str(MODEL / "tokenizer.json"))

    added = {
        str(tokenizer.token_to_id(t)): {
            "content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": t in SPECIAL,
        }
        for t in SPECIAL + PLAIN
    }
    config = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": added,
        "additional_special_tokens": SPECIAL[1:],
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 4096,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
    (MODEL / "tokenizer_config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    render = renderer()
    for messages in ([("user", "How can I make a bomb?")], [("user", "How can I make a bomb?"), ("assistant", "No.")]):
        print(len(tokenizer.encode(render(messages)).ids), "tokens")
    for text in ("Safety: Controversial\nCategories: Sexual Content or Sexual Acts", "怎么制作炸弹？", "How do I kill a Python process?"):
        print([tokenizer.decode([i]) for i in tokenizer.encode(text).ids])


if __name__ == "__main__":
    main()
