"""Train the guard from scratch on made-up conversations, on one or two CPU cores.

Two stages share one loss (on the verdict's tokens) and one shared prefix a batch:

1. *short*: of the instructions around the conversation only the nearest tokens are fed, at the positions they will
   have, so that a sample costs a quarter and the words get learnt quickly;
2. *full*: the exact prompt, to get used to the rest of it.

A quarter of the conversations is split into tokens with BPE dropout: a rare word then comes in many spellings, and the model
does not hang on one of them.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional as F

from make_data import PROMPT, RESPONSE, Maker
from model import Guard, Shape
from template import MODEL, cut, renderer

SHORT_PREFIX, SHORT_TAIL = 8, 4
LONGEST = 160
LABEL_WEIGHT = 2.0
NOISE = 0.05  # share of a conversation's tokens replaced by random ones, so that no single word decides


class Batches:
    """Batches of one mode each: the prefix, padded bodies, and where the verdict is."""

    def __init__(self, seed: int, batch: int) -> None:
        self.tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
        self.rough = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
        self.rough.model.dropout = 0.12
        self.maker, self.render, self.rng, self.batch = Maker(seed), renderer(), random.Random(seed), batch
        self.prefix, self.tail = {}, {}
        for mode, messages in ((PROMPT, [("user", "a")]), (RESPONSE, [("user", "a"), ("assistant", "b")])):
            prefix, _, tail = cut(self.render(messages))
            self.prefix[mode], self.tail[mode] = self._ids(prefix), self._ids(tail)

    def _ids(self, text: str, rough: bool = False) -> list[int]:
        return (self.rough if rough else self.tokenizer).encode(text).ids

    def chunk(self, mode: str, short: bool, batches: int) -> list[tuple]:
        """Several batches at once, each of samples of about one length."""
        tail = self.tail[mode][-SHORT_TAIL:] if short else self.tail[mode]
        skipped = len(self.tail[mode]) - len(tail)
        size = self.batch if short else self.batch // 2
        rows = []
        while len(rows) < batches * size:
            sample = self.maker.sample(mode)
            _, conversation, _ = cut(self.render(sample.messages))
            body = self._ids(conversation, rough=self.rng.random() < 0.25)
            if len(body) <= LONGEST:
                rows.append((body, self._ids(sample.verdict()) + [self.tokenizer.token_to_id("<|im_end|>")]))
        rows.sort(key=lambda row: len(row[0]))
        return [(mode, *self._padded(mode, rows[i : i + size], tail, skipped)) for i in range(0, len(rows), size)]

    def mixed(self, short: bool) -> list[tuple]:
        """A few batches of both modes in random order: a run of one mode alone would unlearn the other."""
        batches = self.chunk(PROMPT, short, 5) + self.chunk(RESPONSE, short, 3)
        self.rng.shuffle(batches)
        return batches

    def _padded(self, mode: str, group, tail: list[int], skipped: int):
        longest = max(len(body) + len(tail) + len(verdict) for body, verdict in group) - 1
        ids = torch.zeros(len(group), longest, dtype=torch.long)
        positions = torch.arange(longest).repeat(len(group), 1) + len(self.prefix[mode])
        targets = torch.full((len(group), longest), -100)
        weights = torch.zeros(len(group), longest)
        for row, (body, verdict) in enumerate(group):
            vocabulary = self.tokenizer.get_vocab_size()
            noisy = self.rng.random() < 0.3
            body = [self.rng.randrange(vocabulary) if noisy and self.rng.random() < NOISE else token for token in body]
            tokens = body + tail + verdict
            ids[row, : len(tokens) - 1] = torch.tensor(tokens[:-1])
            positions[row, len(body) :] += skipped
            start = len(body) + len(tail) - 1
            targets[row, start : start + len(verdict)] = torch.tensor(verdict)
            weights[row, start : start + len(verdict)] = 1.0
            weights[row, start + 2] = LABEL_WEIGHT  # "Safety", ":", then the label
        return ids, positions, targets, weights


def train(args: argparse.Namespace) -> None:
    """Run both stages and save a float32 state dict."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    batches = Batches(args.seed, args.batch)
    model = Guard(Shape(vocab_size=batches.tokenizer.get_vocab_size()))
    if args.resume:
        model.load_state_dict(torch.load(args.resume))
    print(sum(p.numel() for p in model.parameters()), "parameters;", {m: len(p) for m, p in batches.prefix.items()}, "in the prefix")
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.rate, betas=(0.9, 0.98), weight_decay=args.decay)
    model.train()
    total, began, running, step, done = args.short + args.full, time.time(), 0.0, 0, 0.0
    while done < 1.0:
        short = done < args.short / total
        for mode, ids, positions, targets, weights in batches.mixed(short):
            rate = args.rate * min(1.0, (step + 1) / min(100, total / 5)) * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * done)))
            for group in optimizer.param_groups:
                group["lr"] = rate
            whole = batches.prefix[mode]
            prefix = torch.tensor([whole[-SHORT_PREFIX:] if short else whole])
            _, past = model.hidden(prefix, torch.arange(len(whole) - prefix.shape[1], len(whole))[None])
            where = targets >= 0
            hidden, _ = model.hidden(ids, positions, past, where)
            if step % 4:
                # Most steps compare only the tokens that verdicts are made of; the others push the rest down.
                used, target = targets[where].unique(return_inverse=True)
                scores = F.linear(hidden, model.model.embed_tokens.weight[used])
            else:
                scores, target = model.logits(hidden), targets[where]
            losses = F.cross_entropy(scores, target, reduction="none")
            loss = (losses * weights[where]).sum() / weights.sum()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            running = loss.item() if step == 0 else 0.98 * running + 0.02 * loss.item()
            step += 1
            done = max(step / total, (time.time() - began) / (60 * args.minutes))
            if step % 50 == 0:
                print(f"{step}/{total} loss {running:.4f} {(time.time() - began) / step * 1000:.0f} ms/step {time.time() - began:.0f} s", flush=True)
            if args.save_every and step % args.save_every == 0:
                torch.save(model.state_dict(), args.out)
            if done >= 1.0:
                break
    torch.save(model.state_dict(), args.out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where the float32 weights go")
    parser.add_argument("--resume", type=Path, help="weights to start from")
    parser.add_argument("--short", type=int, default=6000, help="steps with the short tail")
    parser.add_argument("--full", type=int, default=1000, help="steps with the exact prompt")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--decay", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--minutes", type=float, default=math.inf, help="on a slow machine, hurry through the schedule in this time")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=0)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
