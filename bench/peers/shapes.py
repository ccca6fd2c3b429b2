"""The published sizes of Qwen3Guard-Gen, as in each config.json, and a tiny one for tests."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    tie_word_embeddings: bool

    def config(self) -> dict:
        """config.json of a checkpoint of this shape."""
        return {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3",
                "torch_dtype": "bfloat16", **self.__dict__, "hidden_act": "silu",
                "attention_bias": False, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
                "rope_theta": 1000000, "rope_scaling": None, "use_sliding_window": False,
                "sliding_window": None, "eos_token_id": self.vocab_size - 1}


SHAPES = {
    "0.6b": Shape(151936, 1024, 3072, 28, 16, 8, 128, True),
    "4b": Shape(151936, 2560, 9728, 36, 32, 8, 128, True),
    "8b": Shape(151936, 4096, 12288, 36, 32, 8, 128, False),
    # Widths are multiples of 32, the group of llama.cpp's formats.
    "tiny": Shape(512, 128, 256, 2, 2, 1, 64, True),
}
