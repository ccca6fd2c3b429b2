#!/usr/bin/env python3
"""Checks that objects compiled for one instruction set keep to themselves.

    check_symbols.py NM OBJECT...

The linker keeps one copy of a weak symbol. Were it one from an object compiled for AVX-512, code
that any processor runs would fault on most of them. So each object may define one symbol, its
kernel table, and may call nothing but the memory functions of the C library.
"""

import os
import re
import subprocess
import sys

TABLE = re.compile(r"^parapet::cpu::kKernels\w+$")
ALLOWED_CALLS = {"memcpy", "memmove", "memset", "_GLOBAL_OFFSET_TABLE_"}


def problems(nm_output: str) -> list[str]:
    """The lines of `nm -C` that an object may not have, and a missing table."""
    found = []
    tables = 0
    for line in nm_output.splitlines():
        match = re.match(r"^[0-9a-f]*\s+(\w) (.+)$", line)
        if not match:
            continue
        kind, name = match.groups()
        if kind == "U":
            if name not in ALLOWED_CALLS:
                found.append(f"calls {name}")
        elif kind in "DR" and TABLE.match(name):
            tables += 1
        elif kind.isupper() or kind in "uvw":
            found.append(f"exports {name} ({kind})")
    if tables != 1:
        found.append(f"defines {tables} kernel tables, expected 1")
    return found


def main(nm: str, objects: list[str]) -> int:
    bad = 0
    for path in objects:
        listing = subprocess.run([nm, "-C", path], check=True, capture_output=True, text=True)
        for problem in problems(listing.stdout):
            print(f"{os.path.basename(path)}: {problem}", file=sys.stderr)
            bad += 1
    print(f"{len(objects)} objects checked, {bad} problems")
    return 1 if bad or not objects else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
