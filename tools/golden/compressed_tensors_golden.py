#!/usr/bin/env python3
"""Makes tests/golden/compressed_tensors: small checkpoints in the form that LLM Compressor
publishes, written from the format's description with numpy alone, and the weights they stand for.

    pip install -r tools/golden/compressed_tensors_requirements.txt
    python tools/golden/compressed_tensors_golden.py tests/golden/compressed_tensors

Each folder holds a checkpoint and expected.safetensors: every matrix that is quantized, as
f32 [out, in], integer times scale.
"""

import argparse
import dataclasses
import json
import pathlib
import struct

import numpy as np

TYPES = {np.dtype(np.float32): "F32", np.dtype(np.float16): "F16", np.dtype(np.int8): "I8",
         np.dtype(np.int32): "I32", np.dtype(np.int64): "I64", np.dtype(np.uint16): "BF16"}


@dataclasses.dataclass(frozen=True)
class Spec:
    name: str
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    bits: int
    packed: bool
    group: int  # 0: a scale for each output feature
    scale_type: str
    tied: bool
    dynamic_activations: bool = False
    dense: tuple = ()  # endings of modules that stay dense
    seed: int = 1


SPECS = (
    Spec("w8a8-channel", 44, 36, 2, 1, 12, 8, False, 0, "bf16", True, dynamic_activations=True),
    Spec("w4a16-group128", 256, 48, 1, 1, 16, 4, True, 128, "f16", False, dense=("lm_head",)),
    Spec("w4a16-channel", 36, 50, 2, 2, 10, 4, True, 0, "bf16", True),
    Spec("w8a16-group32", 64, 96, 2, 1, 8, 8, True, 32, "f32", False,
         dense=("self_attn.o_proj",)),
    Spec("w8a16-group192", 384, 40, 1, 1, 8, 8, True, 192, "bf16", True),
)
VOCAB = 24


def to_bf16(values):
    """The bits, rounded to nearest even."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def pack(values, bits):
    """Rows of signed integers to int32: offset binary, the first value in the lowest bits."""
    per_word = 32 // bits
    rows, columns = values.shape
    words = -(-columns // per_word)
    unsigned = np.zeros((rows, words * per_word), np.uint64)
    unsigned[:, :columns] = values.astype(np.int64) + (1 << (bits - 1))
    shifts = (np.arange(per_word) * bits).astype(np.uint64)
    packed = (unsigned.reshape(rows, words, per_word) << shifts).sum(axis=2)
    return packed.astype(np.uint32).view(np.int32)


def scales_as_stored(scales, kind):
    if kind == "bf16":
        stored = to_bf16(scales)
        return stored, from_bf16(stored)
    stored = scales.astype(np.float16 if kind == "f16" else np.float32)
    return stored, stored.astype(np.float32)


def quantized(spec, name, shape, random, tensors, expected):
    out, columns = shape
    low, high = -(1 << (spec.bits - 1)), (1 << (spec.bits - 1)) - 1
    values = random.integers(low, high + 1, (out, columns))
    values[0, :2] = low, high
    group = spec.group or columns
    scales = random.uniform(0.001, 0.02, (out, -(-columns // group)))
    stored, exact = scales_as_stored(scales, spec.scale_type)
    expected[name] = values.astype(np.float32) * np.repeat(exact, group, axis=1)[:, :columns]
    tensors[name + "_scale"] = stored
    if spec.packed:
        tensors[name + "_packed"] = pack(values, spec.bits)
        tensors[name + "_shape"] = np.array(shape, np.int64)
    else:
        tensors[name] = values.astype(np.int8)


def model(spec):
    random = np.random.default_rng(spec.seed)
    tensors, expected = {}, {}

    def dense(name, shape, around=0.0):
        tensors[name] = to_bf16(around + 0.05 * random.standard_normal(shape))

    def linear(module, out, columns):
        if module.endswith(spec.dense):
            dense(module + ".weight", (out, columns))
        else:
            quantized(spec, module + ".weight", (out, columns), random, tensors, expected)

    query, key_value = spec.heads * spec.head_dim, spec.kv_heads * spec.head_dim
    dense("model.embed_tokens.weight", (VOCAB, spec.hidden))
    layer = "model.layers.0."
    linear(layer + "self_attn.q_proj", query, spec.hidden)
    linear(layer + "self_attn.k_proj", key_value, spec.hidden)
    linear(layer + "self_attn.v_proj", key_value, spec.hidden)
    linear(layer + "self_attn.o_proj", spec.hidden, query)
    linear(layer + "mlp.gate_proj", spec.intermediate, spec.hidden)
    linear(layer + "mlp.up_proj", spec.intermediate, spec.hidden)
    linear(layer + "mlp.down_proj", spec.hidden, spec.intermediate)
    for norm, size in (("self_attn.q_norm", spec.head_dim), ("self_attn.k_norm", spec.head_dim),
                       ("input_layernorm", spec.hidden), ("post_attention_layernorm", spec.hidden)):
        dense(layer + norm + ".weight", (size,), 1.0)
    dense("model.norm.weight", (spec.hidden,), 1.0)
    if not spec.tied:
        linear("lm_head", VOCAB, spec.hidden)
    return tensors, expected


def arguments(bits, **changes):
    """A scheme's fields as the savers write them."""
    fields = {"actorder": None, "block_structure": None, "dynamic": False, "group_size": None,
              "num_bits": bits, "observer": "minmax", "observer_kwargs": {}, "strategy": "channel",
              "symmetric": True, "type": "int"}
    return fields | changes


def config(spec):
    activations = arguments(8, dynamic=True, strategy="token", observer=None)
    weights = arguments(spec.bits)
    if spec.group:
        weights |= {"strategy": "group", "group_size": spec.group}
    return {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_act": "silu",
        "attention_bias": False, "vocab_size": VOCAB, "hidden_size": spec.hidden,
        "intermediate_size": spec.intermediate, "num_hidden_layers": 1,
        "num_attention_heads": spec.heads, "num_key_value_heads": spec.kv_heads,
        "head_dim": spec.head_dim, "max_position_embeddings": 64, "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0, "tie_word_embeddings": spec.tied, "dtype": "bfloat16",
        "eos_token_id": 1,
        "quantization_config": {
            "config_groups": {"group_0": {
                "format": None,
                "input_activations": activations if spec.dynamic_activations else None,
                "output_activations": None, "targets": ["Linear"], "weights": weights}},
            "format": "pack-quantized" if spec.packed else "int-quantized",
            "global_compression_ratio": None, "ignore": ["lm_head"], "kv_cache_scheme": None,
            "quant_method": "compressed-tensors", "quantization_status": "compressed",
            "sparsity_config": {}, "transform_config": {}, "version": "0.11.0"},
    }


def save(path, tensors):
    header, data = {}, b""
    for name, tensor in sorted(tensors.items(), key=lambda item: -item[1].itemsize):
        raw = np.ascontiguousarray(tensor).tobytes()
        header[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    target = parser.parse_args().folder
    for spec in SPECS:
        folder = target / spec.name
        folder.mkdir(parents=True, exist_ok=True)
        tensors, expected = model(spec)
        save(folder / "model.safetensors", tensors)
        save(folder / "expected.safetensors", expected)
        (folder / "config.json").write_text(json.dumps(config(spec), indent=2) + "\n")


if __name__ == "__main__":
    main()
