#!/usr/bin/env python3
"""Makes tests/golden/logits: small random Qwen3 checkpoints and what transformers computes on them.

    pip install -r tools/golden/logits_requirements.txt
    python tools/golden/logits_golden.py tests/golden/logits

Each folder holds a checkpoint in the hub's format and expected.safetensors, whose tensors are, for
prompt number I:
    prompt.I  i32 [tokens]        the prompt
    rows.I    i32 [rows]          positions of the prompt whose logits are kept
    logits.I  f32 [rows, vocab]   their logits: torch CPU, float32, eager attention
    greedy.I  i32 [steps]         the greedy continuation
    margin.I  f32 [1]             the smallest gap between best and second logit on the way
Expected values are computed in float32 from the weights as stored, that is, after rounding.
"""

import argparse
import dataclasses
import json
import pathlib
import shutil

import numpy as np
import torch
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import save_file as save_torch
from transformers import Qwen3ForCausalLM

PROMPT_LENGTHS = (1, 2, 15, 16, 17, 33, 100)
LONG_PROMPT = 2048
ALL_ROWS_UP_TO = 17  # longer prompts keep the logits of a few positions only
GREEDY_STEPS = {LONG_PROMPT: 16, 100: 32}
# Far above what two correct float32 forwards differ by, so that a greedy test cannot flake.
MIN_MARGIN = 0.02


@dataclasses.dataclass(frozen=True)
class Spec:
    name: str
    vocab: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    dtype: torch.dtype
    tied: bool
    rope_theta: float = 1e6
    shards: int = 1
    long_prompt: bool = False


F32, BF16, F16 = torch.float32, torch.bfloat16, torch.float16
SPECS = (
    Spec("mha3-f32-tied", 97, 40, 56, 2, 3, 3, 16, F32, True, rope_theta=1e4),
    Spec("mqa5-bf16", 131, 33, 47, 3, 5, 1, 8, BF16, False),
    Spec("mha7-f16", 113, 51, 77, 2, 7, 7, 10, F16, False, rope_theta=1e4),
    Spec("gqa2-bf16-tied-long", 257, 48, 96, 3, 4, 2, 32, BF16, True, long_prompt=True),
    Spec("gqa4-f32-sharded", 101, 44, 72, 2, 8, 2, 12, F32, False, shards=3),
    Spec("gqa8-f16-tied", 199, 36, 100, 4, 8, 1, 24, F16, True, rope_theta=1e4),
    Spec("gqa2-head128-bf16", 151, 28, 96, 2, 4, 2, 128, BF16, False),
    Spec("vocab1031-bf16-tied", 1031, 56, 65, 2, 6, 3, 20, BF16, True),
    Spec("mha1-f32-long", 61, 17, 23, 2, 1, 1, 6, F32, False, rope_theta=1e4, long_prompt=True),
)


def config_json(spec):
    """The fields a published Qwen3 checkpoint carries, in the form it carries them."""
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "head_dim": spec.head_dim,
        "hidden_act": "silu",
        "hidden_size": spec.hidden,
        "initializer_range": 0.02,
        "intermediate_size": spec.intermediate,
        "max_position_embeddings": 4096,
        "max_window_layers": spec.layers,
        "model_type": "qwen3",
        "num_attention_heads": spec.heads,
        "num_hidden_layers": spec.layers,
        "num_key_value_heads": spec.kv_heads,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": spec.rope_theta,
        "sliding_window": None,
        "tie_word_embeddings": spec.tied,
        "torch_dtype": str(spec.dtype).removeprefix("torch."),
        "transformers_version": "4.51.0",
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": spec.vocab,
    }


class Weights:
    """Random tensors that look like trained ones: outlier channels, norm scales away from one."""

    def __init__(self, spec, rng):
        self.spec, self.rng, self.tensors = spec, rng, {}

    def put(self, name, values):
        tensor = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
        self.tensors[name] = tensor.to(self.spec.dtype)

    def linear(self, name, out_features, in_features, gain=1.0, outlier_rows=0):
        weight = self.rng.standard_normal((out_features, in_features)) * gain / in_features**0.5
        weight[self.rng.choice(out_features, outlier_rows, replace=False)] *= 12.0
        self.put(name, weight)

    def norm(self, name, features, outliers=0):
        scale = np.exp(0.3 * self.rng.standard_normal(features))
        scale[self.rng.choice(features, outliers, replace=False)] *= 6.0
        self.put(name, scale)

    def layer(self, prefix):
        s = self.spec
        self.norm(f"{prefix}.input_layernorm.weight", s.hidden, outliers=1)
        self.linear(f"{prefix}.self_attn.q_proj.weight", s.heads * s.head_dim, s.hidden)
        self.linear(f"{prefix}.self_attn.k_proj.weight", s.kv_heads * s.head_dim, s.hidden)
        self.linear(f"{prefix}.self_attn.v_proj.weight", s.kv_heads * s.head_dim, s.hidden)
        self.linear(f"{prefix}.self_attn.o_proj.weight", s.hidden, s.heads * s.head_dim, gain=1.5)
        self.norm(f"{prefix}.self_attn.q_norm.weight", s.head_dim)
        self.norm(f"{prefix}.self_attn.k_norm.weight", s.head_dim, outliers=1)
        self.norm(f"{prefix}.post_attention_layernorm.weight", s.hidden, outliers=1)
        self.linear(f"{prefix}.mlp.gate_proj.weight", s.intermediate, s.hidden, gain=2.0)
        self.linear(f"{prefix}.mlp.up_proj.weight", s.intermediate, s.hidden, gain=2.0)
        # Rows of down_proj are channels of the residual stream: these become its outliers.
        self.linear(f"{prefix}.mlp.down_proj.weight", s.hidden, s.intermediate, outlier_rows=2)

    def model(self):
        s = self.spec
        self.put("model.embed_tokens.weight", self.rng.standard_normal((s.vocab, s.hidden)) * 0.5)
        for index in range(s.layers):
            self.layer(f"model.layers.{index}")
        self.norm("model.norm.weight", s.hidden, outliers=1)
        if not s.tied:
            self.linear("lm_head.weight", s.vocab, s.hidden, gain=3.0)
        return self.tensors


def write_checkpoint(spec, tensors, folder):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config_json(spec), indent=2) + "\n")
    metadata = {"format": "pt"}
    if spec.shards == 1:
        save_torch(tensors, folder / "model.safetensors", metadata)
        return
    weight_map = {}
    for shard in range(spec.shards):
        file = f"model-{shard + 1:05d}-of-{spec.shards:05d}.safetensors"
        # Every third tensor: neighbours of one layer land in different files.
        part = dict(list(tensors.items())[shard :: spec.shards])
        save_torch(part, folder / file, metadata)
        weight_map.update({name: file for name in part})
    total = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    text = json.dumps(index, indent=2) + "\n"
    (folder / "model.safetensors.index.json").write_text(text)


def all_logits(model, token_ids):
    return model(torch.tensor([token_ids]), use_cache=False).logits[0]


def greedy(model, prompt, steps):
    """The continuation and its smallest margin; the whole context is computed anew each step."""
    token_ids, margin = list(prompt), float("inf")
    for _ in range(steps):
        best = torch.topk(all_logits(model, token_ids)[-1], 2)
        margin = min(margin, float(best.values[0] - best.values[1]))
        token_ids.append(int(best.indices[0]))
    return token_ids[len(prompt) :], margin


def kept_rows(length):
    if length <= ALL_ROWS_UP_TO:
        return list(range(length))
    return sorted({0, 15, 16, 31, 32, length // 2, length - 2, length - 1})


def expected(model, spec, rng):
    tensors = {}
    lengths = PROMPT_LENGTHS + ((LONG_PROMPT,) if spec.long_prompt else ())
    for index, length in enumerate(lengths):
        margin = 0.0
        while margin < MIN_MARGIN:
            prompt = rng.integers(0, spec.vocab, length).tolist()
            continuation, margin = greedy(model, prompt, GREEDY_STEPS.get(length, 24))
        rows = kept_rows(length)
        tensors[f"prompt.{index}"] = np.array(prompt, np.int32)
        tensors[f"rows.{index}"] = np.array(rows, np.int32)
        tensors[f"logits.{index}"] = all_logits(model, prompt)[rows].numpy()
        tensors[f"greedy.{index}"] = np.array(continuation, np.int32)
        tensors[f"margin.{index}"] = np.array([margin], np.float32)
    return tensors


def make(spec, seed, out):
    folder = out / spec.name
    shutil.rmtree(folder, ignore_errors=True)
    rng = np.random.default_rng(seed)
    write_checkpoint(spec, Weights(spec, rng).model(), folder)
    # Through the files: what the reference loads is what a reader of the checkpoint sees.
    model = Qwen3ForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    tensors = expected(model, spec, rng)
    save_numpy(tensors, folder / "expected.safetensors")
    margins = [float(v[0]) for k, v in tensors.items() if k.startswith("margin")]
    distinct = {len(set(v.tolist())) for k, v in tensors.items() if k.startswith("greedy")}
    spread = float(np.std(tensors["logits.3"]))
    print(f"{spec.name}: smallest margin {min(margins):.3f}, logit deviation {spread:.2f}, "
          f"distinct greedy tokens {sorted(distinct)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    torch.set_num_threads(1)  # the order of float sums must not depend on the machine
    with torch.no_grad():
        for seed, spec in enumerate(SPECS):
            make(spec, 20_260 + seed, out)


if __name__ == "__main__":
    main()
