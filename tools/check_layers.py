#!/usr/bin/env python3
"""Holds the source tree to its layers: a folder may include only what stands below it.

The table is the architecture (docs/architecture.md draws it); a wrong #include fails the test.
"""

import re
import sys
from pathlib import Path

# folder: the folders it may include, beside itself and the public error type.
LAYERS = {
    "src/base": [],
    "src/http_client": ["src/base"],
    "src/jinja": ["src/base"],
    "src/text": ["src/base", "src/jinja"],
    "src/checkpoint": ["src/base"],
    "src/device": ["src/base"],
    "src/device/host": ["src/base", "src/device"],
    "src/device/reference": ["src/base", "src/device", "src/device/host"],
    "src/device/cpu": ["src/base", "src/device", "src/device/host", "src/device/cpu/isa"],
    "src/device/cpu/isa": ["src/base"],
    "src/device/numerics": ["src/base", "src/device", "src/device/host"],
    "src/model": ["src/base", "src/checkpoint", "src/device"],
    "src/engine": ["src/base", "src/checkpoint", "src/device", "src/model"],
    "src/structured": ["src/base", "src/text", "src/engine"],
    "src/guard": ["src/base", "src/text", "src/engine", "include/parapet"],
    "src/api": ["src/base", "src/text", "src/checkpoint", "src/device", "src/device/numerics",
                "src/model", "src/engine", "src/structured", "src/guard", "include/parapet"],
    "src/bench": ["src/base", "src/checkpoint", "src/device", "src/engine", "src/api",
                  "include/parapet"],
    "src/precision": ["src/base", "src/http_client", "src/text", "src/checkpoint", "src/device",
                      "src/device/numerics", "src/model", "src/guard", "src/api",
                      "include/parapet"],
    "src/e2e": ["src/base", "src/http_client", "src/guard", "src/api", "include/parapet"],
    "include/parapet": [],
    "server": ["include/parapet"],
    "cli": ["include/parapet", "server"],
}
# Below everything: what every layer may see of the public headers.
EVERYWHERE = {"parapet/engine_info.h", "parapet/error.h", "parapet/types.h"}
# One file names the backends; nothing else above the seam knows which there are.
BACKENDS = ["src/device/reference", "src/device/cpu"]
BACKEND_NAMER = "src/api/backends.cc"

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
# A standard header's name is one lower-case word; everything else belongs to some library, and a
# public header must not drag one into its users' builds.
PUBLIC = "include/parapet"
NOT_STANDARD = re.compile(r"^\s*#\s*include\s+<([^>]*[^a-z_>][^>]*)>", re.MULTILINE)


def layer_of(path: Path) -> str | None:
    """The longest folder of LAYERS that holds the path."""
    for folder in sorted(LAYERS, key=len, reverse=True):
        if path.as_posix().startswith(folder + "/"):
            return folder
    return None


def included_file(root: Path, source: Path, name: str) -> Path | None:
    """The repository's file that an #include "name" means, or None for a library's."""
    for base in (source.parent, root / "src", root / "include", root / "cli", root):
        candidate = (base / name).resolve()
        if candidate.is_file() and candidate.is_relative_to(root):
            return candidate.relative_to(root)
    return None


def violations(root: Path) -> list[str]:
    found = []
    files = [p for folder in ("src", "server", "cli", "include") for p in (root / folder).rglob("*")
             if p.suffix in (".h", ".cc", ".inc")]
    for path in sorted(files):
        source = path.relative_to(root)
        layer = layer_of(source)
        if layer is None:
            found.append(f"{source}: lies in no layer; add its folder to LAYERS")
            continue
        allowed = [layer, *LAYERS[layer]]
        if source.as_posix() == BACKEND_NAMER:
            allowed += BACKENDS
        text = path.read_text(encoding="utf-8")
        if layer == PUBLIC:
            found += [f"{source} includes <{name}>: public headers take std alone"
                      for name in NOT_STANDARD.findall(text)]
        for name in INCLUDE.findall(text):
            target = included_file(root, path, name)
            if name in EVERYWHERE or target is None:
                continue
            if layer_of(target) not in allowed:
                found.append(f"{source} includes {name}: {layer} may include only {allowed[1:]}")
    return found


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = violations(root)
    print("\n".join(found) or "layers: every include points down")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
