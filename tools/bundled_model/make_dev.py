"""Turn ``dev.txt`` into the held-out file's format on standard output."""

from __future__ import annotations

import json
from pathlib import Path


def main() -> None:
    for line in (Path(__file__).parent / "dev.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        safety, category, lang, text = (part.strip() for part in line.split(" | ", 3))
        user, *rest = text.split(" => ")
        messages = [{"role": "user", "content": user}]
        if rest:
            messages.append({"role": "assistant", "content": rest[0]})
        item = {"messages": messages, "safety": safety, "categories": [category] if category != "-" else []}
        print(json.dumps({**item, "refusal": rest[1] if rest else None, "lang": lang}, ensure_ascii=False))


if __name__ == "__main__":
    main()
