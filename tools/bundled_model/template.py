"""Render the checkpoint's own chat template, and cut a prompt into what is constant and what is not."""

from __future__ import annotations

from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment

MODEL = Path(__file__).resolve().parents[2] / "models" / "parapet-guard-tiny"
START_OF_TEXT = "<BEGIN CONVERSATION>\n\nUSER:"
END_OF_TEXT = "<END CONVERSATION>"


def renderer():
    """A function from messages to the prompt, with the semantics of Hugging Face's ``apply_chat_template``."""

    def raise_exception(message: str) -> None:
        raise ValueError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = raise_exception
    template = environment.from_string((MODEL / "chat_template.jinja").read_text(encoding="utf-8"))

    def render(messages) -> str:
        pairs = [m if isinstance(m, dict) else {"role": m[0], "content": m[1]} for m in messages]
        return template.render(messages=pairs, add_generation_prompt=True)

    return render


def cut(prompt: str) -> tuple[str, str, str]:
    """Prefix, conversation and tail. Both cuts are token borders, whatever the conversation says.

    The prefix ends in ``USER:`` (the space after it joins the first word), the tail begins at ``<END``.
    """
    start = prompt.index(START_OF_TEXT) + len(START_OF_TEXT)
    end = prompt.rindex(END_OF_TEXT)
    return prompt[:start], prompt[start:end], prompt[end:]
