"""The network in plain torch, shaped for cheap training.

It is Qwen3 as in ``transformers``, with the same parameter names, but it can attend to the keys and values of a prefix
that every sample of a batch shares: attention is causal, so the 180 tokens of policy in front of the user's words are
computed once a batch and not once a sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KeyValues = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Shape:
    """The numbers of ``config.json``."""

    vocab_size: int = 8192
    hidden_size: int = 192
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 64
    intermediate_size: int = 512
    rms_norm_eps: float = 1e-6
    rope_theta: float = 1e6
    max_position_embeddings: int = 4096

    def hf_config(self, eos: int, pad: int) -> dict:
        """The same as a Hugging Face configuration."""
        return {
            "architectures": ["Qwen3ForCausalLM"],
            "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": pad,
            "eos_token_id": eos,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "hidden_size": self.hidden_size,
            "initializer_range": 0.02,
            "intermediate_size": self.intermediate_size,
            "max_position_embeddings": self.max_position_embeddings,
            "max_window_layers": self.num_hidden_layers,
            "model_type": "qwen3",
            "num_attention_heads": self.num_attention_heads,
            "num_hidden_layers": self.num_hidden_layers,
            "num_key_value_heads": self.num_key_value_heads,
            "pad_token_id": pad,
            "rms_norm_eps": self.rms_norm_eps,
            "rope_scaling": None,
            "rope_theta": self.rope_theta,
            "sliding_window": None,
            "tie_word_embeddings": True,
            "torch_dtype": "bfloat16",
            "use_cache": True,
            "use_sliding_window": False,
            "vocab_size": self.vocab_size,
        }


class RMSNorm(nn.Module):
    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


class Attention(nn.Module):
    def __init__(self, s: Shape) -> None:
        super().__init__()
        self.shape = s
        self.q_proj = nn.Linear(s.hidden_size, s.num_attention_heads * s.head_dim, bias=False)
        self.k_proj = nn.Linear(s.hidden_size, s.num_key_value_heads * s.head_dim, bias=False)
        self.v_proj = nn.Linear(s.hidden_size, s.num_key_value_heads * s.head_dim, bias=False)
        self.o_proj = nn.Linear(s.num_attention_heads * s.head_dim, s.hidden_size, bias=False)
        self.q_norm = RMSNorm(s.head_dim, s.rms_norm_eps)
        self.k_norm = RMSNorm(s.head_dim, s.rms_norm_eps)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor, past: tuple[Tensor, Tensor] | None):
        batch, length, _ = x.shape
        # One wide product is faster than three narrow ones.
        qkv = F.linear(x, torch.cat([self.q_proj.weight, self.k_proj.weight, self.v_proj.weight]))
        heads, kv_heads = self.shape.num_attention_heads, self.shape.num_key_value_heads
        q, k, v = qkv.view(batch, length, -1, self.shape.head_dim).split([heads, kv_heads, kv_heads], dim=2)
        q = rotate(self.q_norm(q).transpose(1, 2), rope)
        k = rotate(self.k_norm(k).transpose(1, 2), rope)
        v = v.transpose(1, 2)
        own = (k, v)
        if past is not None:
            k = torch.cat([past[0].expand(batch, -1, -1, -1), k], dim=2)
            v = torch.cat([past[1].expand(batch, -1, -1, -1), v], dim=2)
        group = self.shape.num_attention_heads // self.shape.num_key_value_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.o_proj(out.transpose(1, 2).reshape(batch, length, -1)), own


class MLP(nn.Module):
    def __init__(self, s: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(s.hidden_size, s.intermediate_size, bias=False)
        self.up_proj = nn.Linear(s.hidden_size, s.intermediate_size, bias=False)
        self.down_proj = nn.Linear(s.intermediate_size, s.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = F.linear(x, torch.cat([self.gate_proj.weight, self.up_proj.weight])).chunk(2, dim=-1)
        return self.down_proj(F.silu(gate) * up)


class Layer(nn.Module):
    def __init__(self, s: Shape) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(s.hidden_size, s.rms_norm_eps)
        self.self_attn = Attention(s)
        self.post_attention_layernorm = RMSNorm(s.hidden_size, s.rms_norm_eps)
        self.mlp = MLP(s)

    def forward(self, x: Tensor, rope, mask: Tensor, past, wanted: Tensor | None = None):
        attended, own = self.self_attn(self.input_layernorm(x), rope, mask, past)
        x = x + attended
        x = x if wanted is None else x[wanted]
        return x + self.mlp(self.post_attention_layernorm(x)), own


class Decoder(nn.Module):
    """Parameters are named as in ``Qwen3Model``."""

    def __init__(self, s: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(s.vocab_size, s.hidden_size)
        self.layers = nn.ModuleList(Layer(s) for _ in range(s.num_hidden_layers))
        self.norm = RMSNorm(s.hidden_size, s.rms_norm_eps)


class Guard(nn.Module):
    """``Qwen3ForCausalLM`` with tied embeddings."""

    def __init__(self, s: Shape) -> None:
        super().__init__()
        self.shape = s
        self.model = Decoder(s)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02 if parameter.shape[0] == s.vocab_size else parameter.shape[1] ** -0.5 * 0.7)
        inverse = s.rope_theta ** (-torch.arange(0, s.head_dim, 2).float() / s.head_dim)
        self.register_buffer("inverse_frequency", inverse, persistent=False)

    def hidden(self, ids: Tensor, positions: Tensor, past: KeyValues | None = None, wanted: Tensor | None = None) -> tuple[Tensor, KeyValues]:
        """Last hidden states [batch, length, hidden], and this call's keys and values.

        ``positions`` is [batch, length]; ``past`` holds keys and values with a batch of one, seen by all. With a mask
        ``wanted`` of [batch, length] only those states are finished, and returned in a row.
        """
        angles = positions[:, None, :, None].float() * self.inverse_frequency
        rope = (torch.cat([angles, angles], -1).cos(), torch.cat([angles, angles], -1).sin())
        length, seen = ids.shape[1], 0 if past is None else past[0][0].shape[2]
        mask = torch.ones(length, seen + length, dtype=torch.bool, device=ids.device).tril(seen)
        x, own = self.model.embed_tokens(ids), []
        for index, layer in enumerate(self.model.layers):
            last = index == self.shape.num_hidden_layers - 1
            x, pair = layer(x, rope, mask, None if past is None else past[index], wanted if last else None)
            own.append(pair)
        return self.model.norm(x), own

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.model.embed_tokens.weight)


def rotate(x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary embedding in the half-split layout."""
    cos, sin = rope
    left, right = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-right, left], dim=-1) * sin
