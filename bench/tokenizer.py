#!/usr/bin/env python3
"""Load time and throughput of Parapet's tokenizer beside `tokenizers` and `bpe-qwen`.

    pip install -r bench/tokenizer_requirements.txt
    python bench/tokenizer.py --bench build/release/tokenizer_bench --qwen ../shared/data/qwen3-tokenizer

All three encode the same texts in turn, round after round, in one thread, so that whatever else the
machine does falls on all of them; the table has the medians. "same ids" compares token counts with
`tokenizers`.
"""

import argparse
import inspect
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import bpe_qwen
from tokenizers import Tokenizer

MEGABYTE = 1 << 20
PROSE_MODULES = "argparse ast collections csv datetime decimal difflib email fractions functools "
PROSE_MODULES += "gettext heapq inspect itertools logging mailbox pathlib pickle random re "
PROSE_MODULES += "shutil socket statistics string subprocess tempfile textwrap threading typing"
CHINESE = "护栏 模型 能够 识别 不安全 的 内容 用户 请求 如何 制作 回答 拒绝 政府 今天 发布 城市 经济 发展 "
CHINESE += "我们 认为 这个 问题 非常 重要 因为 它 关系到 每个人 生活 学习 工作 和 在 了 是 有 不 人 这 中 大 "
CHINESE += "来 上 国 个 到 说 们 为 子 与 也 你 对 生 能 而 着 那 得 于 自己 之 年 过 发 后 作 里 用 道 行 所 然 家 种"


def chinese():
    """Sentences of common words; each ends, as people's do, after a line's width at most."""
    chooser = random.Random(7)
    sentences = []
    for _ in range(MEGABYTE // 60):
        words = chooser.choices(CHINESE.split(), k=chooser.randint(4, 12))
        sentences.append("".join(words) + chooser.choice("，，，。。！？\n"))
    return "".join(sentences)


def prose():
    """What the standard library says about itself."""
    texts = []
    for name in PROSE_MODULES.split():
        module = __import__(name)
        texts.append(module.__doc__ or "")
        for _, member in inspect.getmembers(module):
            texts.append(inspect.getdoc(member) or "")
    return "\n\n".join(texts)


def code():
    library = pathlib.Path(inspect.__file__).parent
    return "\n".join(p.read_text(errors="replace") for p in sorted(library.glob("*.py"))[:40])


def texts(prompts):
    guard = "".join(p.read_text() for p in sorted(prompts.glob("*.txt")))
    return {
        "English prose": prose(),
        "Chinese": chinese(),
        "code": code(),
        "guard prompts": guard * (MEGABYTE // 4 // len(guard)),
        "1 MB of one letter": "a" * MEGABYTE,
    }


class Ours:
    name = "parapet"

    def __init__(self, bench, directory):
        self.process = subprocess.Popen(
            [bench, directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        elapsed, tokens = self.process.stdout.readline().split()
        return float(elapsed), int(tokens)

    def load(self):
        return self.ask("load")[0]

    def encode(self, file, text):
        return self.ask(str(file))


class Theirs:
    """A tokenizer of this process: `make` loads it, `count` encodes a text."""

    def __init__(self, name, make, count):
        self.name, self.make, self.count = name, make, count
        self.tokenizer = make()

    def load(self):
        start = time.perf_counter()
        self.make()
        return time.perf_counter() - start

    def encode(self, file, text):
        start = time.perf_counter()
        tokens = self.count(self.tokenizer, text)
        return time.perf_counter() - start, tokens


def split_files(directory, target):
    """bpe-qwen reads the older pair of files."""
    model = json.loads((directory / "tokenizer.json").read_text())["model"]
    (target / "vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False))
    merges = (m if isinstance(m, str) else " ".join(m) for m in model["merges"])
    (target / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")


def measure(subjects, inputs, scratch, rounds):
    times, tokens = {}, {}
    for _ in range(rounds):
        for subject in subjects:
            times.setdefault(("load", subject.name), []).append(subject.load())
        for name, text in inputs.items():
            file = scratch / (name.replace(" ", "_") + ".txt")
            file.write_text(text)
            for subject in subjects:
                elapsed, count = subject.encode(file, text)
                times.setdefault((name, subject.name), []).append(elapsed)
                tokens[name, subject.name] = count
    return {key: statistics.median(values) for key, values in times.items()}, tokens


def rows(subjects, inputs, medians, tokens):
    ours, reference = subjects[0].name, subjects[1].name
    for what in ["load", *inputs]:
        row = {"what": what}
        megabytes = len(inputs[what].encode()) / 1e6 if what in inputs else None
        for subject in subjects:
            seconds = medians[what, subject.name]
            cell = {"seconds": seconds, "ratio": seconds / medians[what, ours]}
            if megabytes:
                cell["mb_per_s"] = megabytes / seconds
                cell["same_ids"] = tokens[what, subject.name] == tokens[what, reference]
            row[subject.name] = cell
        yield row


def print_table(table, names):
    print("| | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for row in table:
        cells = []
        for name in names:
            cell = row[name]
            unit = f"{cell['mb_per_s']:.1f} MB/s" if "mb_per_s" in cell else f"{cell['seconds'] * 1e3:.0f} ms"
            note = "" if cell.get("same_ids", True) else ", other ids"
            cells.append(unit + ("" if name == names[0] else f" ({cell['ratio']:.1f}x the time{note})"))
        print(f"| {row['what']} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", required=True, help="the tokenizer_bench binary")
    parser.add_argument("--qwen", required=True, type=pathlib.Path, help="folder of tokenizer.json")
    parser.add_argument("--prompts", type=pathlib.Path, help="folder of guard prompts")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print all numbers as JSON")
    arguments = parser.parse_args()
    prompts = arguments.prompts or arguments.qwen.parent / "guard-prompts"
    file = str(arguments.qwen / "tokenizer.json")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        split_files(arguments.qwen, scratch)
        subjects = [
            Ours(arguments.bench, str(arguments.qwen)),
            Theirs("tokenizers", lambda: Tokenizer.from_file(file),
                   lambda t, text: len(t.encode(text, add_special_tokens=False).ids)),
            Theirs("bpe-qwen", lambda: bpe_qwen.QwenTokenizer(str(scratch)),
                   lambda t, text: len(t.encode(text))),
        ]  # fmt: skip
        inputs = texts(prompts)
        medians, tokens = measure(subjects, inputs, scratch, arguments.rounds)
    table = list(rows(subjects, inputs, medians, tokens))
    if arguments.json:
        machine = {"machine": platform.platform(), "cpus": os.cpu_count()}
        print(json.dumps({**machine, "rounds": arguments.rounds, "rows": table}, indent=1))
    else:
        print_table(table, [s.name for s in subjects])


if __name__ == "__main__":
    main()
