"""llama.cpp's own server with a checkpoint of ours, rewritten as its GGUF file.

    llama_cpp_server.py CHECKPOINT FOLDER

writes FOLDER/model.gguf, the same weights and the same tokenizer, prints the URL it serves them at, and
serves until its standard input ends. Runs with the Python of `make clients`, which has both packages.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
import xllamacpp

OF_LAYER = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q",
            "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
            "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
            "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
            "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
OF_MODEL = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
            "lm_head.weight": "output.weight"}


def gguf_name(name: str) -> str:
    if name in OF_MODEL:
        return OF_MODEL[name]
    layer, part = name.removeprefix("model.layers.").removesuffix(".weight").split(".", 1)
    return f"blk.{layer}.{OF_LAYER[part]}.weight"


def tensors_of(file: Path):
    """Name and float32 values of each: llama.cpp multiplies bfloat16 in its own roundings."""
    content = np.memmap(file, np.uint8, "r")
    begin = 8 + int(content[:8].view("<u8")[0])
    for name, entry in json.loads(content[8:begin].tobytes()).items():
        if name == "__metadata__":
            continue
        if entry["dtype"] != "BF16":
            raise SystemExit(f"{file}: {name} is {entry['dtype']}, expected BF16")
        first, end = (begin + offset for offset in entry["data_offsets"])
        bits = np.frombuffer(content[first:end].tobytes(), "<u2").astype(np.uint32) << 16
        yield name, bits.view(np.float32).reshape(entry["shape"])


def describe_model(writer: gguf.GGUFWriter, config: dict):
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])


def describe_tokenizer(writer: gguf.GGUFWriter, tokenizer: dict, config: dict):
    tokens = [f"[unused {i}]" for i in range(config["vocab_size"])]
    types = [gguf.TokenType.UNUSED] * len(tokens)
    for text, i in tokenizer["model"]["vocab"].items():
        tokens[i], types[i] = text, gguf.TokenType.NORMAL
    for added in tokenizer["added_tokens"]:
        tokens[added["id"]] = added["content"]
        types[added["id"]] = (gguf.TokenType.CONTROL if added["special"]
                              else gguf.TokenType.USER_DEFINED)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(False)


def write_gguf(checkpoint: Path, file: Path):
    def read(name: str) -> str:
        return (checkpoint / name).read_text(encoding="utf-8")

    config = json.loads(read("config.json"))
    writer = gguf.GGUFWriter(file, "qwen3")
    describe_model(writer, config)
    describe_tokenizer(writer, json.loads(read("tokenizer.json")), config)
    writer.add_chat_template(read("chat_template.jinja"))
    for name, values in tensors_of(checkpoint / "model.safetensors"):
        writer.add_tensor(gguf_name(name), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    checkpoint, folder = map(Path, sys.argv[1:])
    file = folder / "model.gguf"
    write_gguf(checkpoint, file)
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    # All in float32: its flash attention and its usual cache round to float16.
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.prefill_assistant = False  # a last message of the assistant is judged, not written on
    params.warmup = False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
