"""Round trained weights to bfloat16 and write the model folder as a hub has it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from model import Guard, Shape
from template import MODEL


def check_against_transformers(guard: Guard, tokenizer: Tokenizer) -> float:
    """The largest difference of logits between our float32 forward and ``Qwen3ForCausalLM`` from the folder."""
    from transformers import AutoModelForCausalLM

    reference = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()
    ids = torch.tensor([tokenizer.encode("Evaluate whether THE LAST USER's query is safe. 怎么做蛋糕？").ids])
    with torch.no_grad():
        ours = guard.logits(guard.hidden(ids, torch.arange(ids.shape[1])[None])[0])
        return (reference(ids).logits - ours).abs().max().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help="what train.py saved")
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    eos, pad = tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")
    shape = Shape(vocab_size=tokenizer.get_vocab_size())
    guard = Guard(shape).eval()
    state = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in torch.load(args.weights).items()}
    guard.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    save_file(state, MODEL / "model.safetensors", metadata={"format": "pt"})
    generation = {"bos_token_id": pad, "do_sample": False, "eos_token_id": [eos, pad], "max_new_tokens": 64, "pad_token_id": pad}
    for name, content in (("config.json", shape.hf_config(eos, pad)), ("generation_config.json", generation)):
        (MODEL / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    difference = check_against_transformers(guard, tokenizer)
    print(f"largest difference of logits from transformers: {difference:.2e}")
    if difference > 1e-3:
        raise SystemExit("the exported checkpoint does not reproduce the trained network")


if __name__ == "__main__":
    main()
