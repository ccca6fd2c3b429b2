"""One random checkpoint of a published shape, in the files that each engine reads.

    weights.py SHAPE FOLDER

writes FOLDER/parapet (config.json, model.safetensors in bfloat16) and FOLDER/bf16.gguf, q8_0.gguf
and q4_0.gguf of the same values: quantization starts from the bfloat16 numbers. Nothing is zero and
nothing repeats: every number is drawn, normal with the deviation of its fan-in, and one input
column in 512 is eight times larger, as trained models have them. The same seed gives the same bytes.
"""

import argparse
import json
import os
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Quant

from progress import Progress
from shapes import SHAPES, Shape

SEED = 20261125
ELEMENTS_PER_BLOCK = 1 << 22  # drawn and quantized at once: 16 MiB of float32
GGUF_FORMATS = {"bf16": Quant.BF16, "q8_0": Quant.Q8_0, "q4_0": Quant.Q4_0}
FILE_TYPES = {"bf16": 32, "q8_0": 7, "q4_0": 2}  # llama.cpp's LLAMA_FTYPE of each


@dataclass(frozen=True)
class Tensor:
    name: str       # as published
    gguf_name: str
    shape: tuple    # (out, in), or (features,) of a norm's scale

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


def tensors_of(shape: Shape) -> list[Tensor]:
    hidden, inner = shape.hidden_size, shape.intermediate_size
    query = shape.num_attention_heads * shape.head_dim
    key_value = shape.num_key_value_heads * shape.head_dim
    layer = [("input_layernorm", "attn_norm", (hidden,)),
             ("self_attn.q_proj", "attn_q", (query, hidden)),
             ("self_attn.k_proj", "attn_k", (key_value, hidden)),
             ("self_attn.v_proj", "attn_v", (key_value, hidden)),
             ("self_attn.q_norm", "attn_q_norm", (shape.head_dim,)),
             ("self_attn.k_norm", "attn_k_norm", (shape.head_dim,)),
             ("self_attn.o_proj", "attn_output", (hidden, query)),
             ("post_attention_layernorm", "ffn_norm", (hidden,)),
             ("mlp.gate_proj", "ffn_gate", (inner, hidden)),
             ("mlp.up_proj", "ffn_up", (inner, hidden)),
             ("mlp.down_proj", "ffn_down", (hidden, inner))]
    tensors = [Tensor("model.embed_tokens.weight", "token_embd.weight",
                      (shape.vocab_size, hidden))]
    for i in range(shape.num_hidden_layers):
        tensors += [Tensor(f"model.layers.{i}.{name}.weight", f"blk.{i}.{short}.weight", extent)
                    for name, short, extent in layer]
    tensors.append(Tensor("model.norm.weight", "output_norm.weight", (hidden,)))
    if not shape.tie_word_embeddings:
        tensors.append(Tensor("lm_head.weight", "output.weight", (shape.vocab_size, hidden)))
    return tensors


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """Round to nearest even; uint16 bits."""
    bits = values.view(np.uint32)
    return ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype(np.uint16)


def to_float32(bits: np.ndarray) -> np.ndarray:
    return (bits.astype(np.uint32) << 16).view(np.float32)


def draw(tensor: Tensor, index: int, block: int, first: int, rows: int) -> np.ndarray:
    """Rows [first, first + rows) of a matrix, or all of a norm's scale, as bfloat16 bits."""
    random = np.random.Generator(np.random.SFC64([SEED, index, block]))
    if len(tensor.shape) == 1:
        return to_bfloat16(1 + 0.1 * random.standard_normal(tensor.size, dtype=np.float32))
    fan_in = tensor.shape[1]
    values = random.standard_normal((rows, fan_in), dtype=np.float32)
    columns = np.full(fan_in, fan_in ** -0.5, dtype=np.float32)
    outliers = np.random.Generator(np.random.SFC64([SEED, index]))
    columns[outliers.choice(fan_in, max(1, fan_in // 512), replace=False)] *= 8
    values *= columns
    return to_bfloat16(values)


class Checkpoint:
    """model.safetensors, written tensor by tensor: a library's writer wants all of it in memory."""

    def __init__(self, folder: Path, shape: Shape, tensors: list[Tensor]):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(shape.config(), indent=2) + "\n")
        header, offset = {}, 0
        for tensor in tensors:
            end = offset + 2 * tensor.size
            header[tensor.name] = {"dtype": "BF16", "shape": list(tensor.shape),
                                   "data_offsets": [offset, end]}
            offset = end
        text = json.dumps(header).encode()
        text += b" " * (-(8 + len(text)) % 64)
        self.file = open(folder / "model.safetensors", "wb")
        self.file.write(struct.pack("<Q", len(text)) + text)

    def write(self, bits: np.ndarray):
        self.file.write(bits.data)

    def close(self):
        self.file.close()


class Gguf:
    """One GGUF file. Its vocabulary is made up: token ids go in and come out."""

    def __init__(self, path: Path, name: str, shape: Shape, tensors: list[Tensor]):
        self.quant = GGUF_FORMATS[name]
        self.writer = gguf.GGUFWriter(path, "qwen3")
        self.describe(shape, FILE_TYPES[name])
        for tensor in tensors:
            quant = self.quant_of(tensor)
            shape_in_bytes = gguf.quant_shape_to_byte_shape(tensor.shape, quant)
            size = int(np.prod(shape_in_bytes))
            stored = np.float32 if quant == Quant.F32 else np.uint8
            self.writer.add_tensor_info(
                tensor.gguf_name, tensor.shape if quant == Quant.F32 else shape_in_bytes,
                np.dtype(stored), size, raw_dtype=quant)
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_ti_data_to_file()

    def quant_of(self, tensor: Tensor) -> Quant:
        return Quant.F32 if len(tensor.shape) == 1 else self.quant

    def describe(self, shape: Shape, file_type: int):
        writer = self.writer
        writer.add_name("random weights")
        writer.add_file_type(file_type)
        writer.add_quantization_version(2)
        writer.add_block_count(shape.num_hidden_layers)
        writer.add_context_length(32768)
        writer.add_embedding_length(shape.hidden_size)
        writer.add_feed_forward_length(shape.intermediate_size)
        writer.add_head_count(shape.num_attention_heads)
        writer.add_head_count_kv(shape.num_key_value_heads)
        writer.add_key_length(shape.head_dim)
        writer.add_value_length(shape.head_dim)
        writer.add_layer_norm_rms_eps(1e-6)
        writer.add_rope_freq_base(1e6)
        writer.add_vocab_size(shape.vocab_size)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("qwen2")
        writer.add_token_list([f"t{i}" for i in range(shape.vocab_size)])
        writer.add_token_types([1] * shape.vocab_size)
        writer.add_token_merges(["t 0"])
        writer.add_eos_token_id(shape.vocab_size - 1)

    def quantize(self, tensor: Tensor, bits: np.ndarray) -> np.ndarray:
        quant = self.quant_of(tensor)
        if quant == Quant.BF16:
            return bits.view(np.uint8)
        values = to_float32(bits)
        return values if quant == Quant.F32 else gguf.quants.quantize(values, quant)

    def write(self, data: np.ndarray):
        self.writer.write_tensor_data(data)

    def close(self):
        self.writer.close()


def blocks_of(tensor: Tensor) -> list[tuple[int, int]]:
    """(first row, rows) of each block."""
    if len(tensor.shape) == 1:
        return [(0, 1)]
    rows = max(1, ELEMENTS_PER_BLOCK // tensor.shape[1])
    return [(first, min(rows, tensor.shape[0] - first))
            for first in range(0, tensor.shape[0], rows)]


def write_all(shape: Shape, folder: Path):
    tensors = tensors_of(shape)
    checkpoint = Checkpoint(folder / "parapet", shape, tensors)
    files = [Gguf(folder / f"{name}.gguf", name, shape, tensors) for name in GGUF_FORMATS]
    progress = Progress("writing weights", sum(tensor.size for tensor in tensors))
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for index, tensor in enumerate(tensors):
            def make(block, tensor=tensor, index=index):
                number, (first, rows) = block
                bits = draw(tensor, index, number, first, rows)
                made = [file.quantize(tensor, bits) for file in files]
                progress.add(bits.size)
                return bits, made

            done = list(pool.map(make, enumerate(blocks_of(tensor))))
            for bits, _ in done:
                checkpoint.write(bits)
            for i, file in enumerate(files):
                file.write(np.concatenate([made[i] for _, made in done]))
    checkpoint.close()
    for file in files:
        file.close()
    progress.close()


def ensure_weights(name: str, folder: Path) -> Path:
    """Writes them unless they are there; a run that was stopped leaves nothing that looks whole."""
    if (folder / "complete").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    write_all(SHAPES[name], folder)
    (folder / "complete").touch()
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    ensure_weights(arguments.shape, arguments.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
