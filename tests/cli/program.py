"""Runs the parapet program, and makes checkpoints for it: good ones, and ones that are wrong."""

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ["PARAPET"]
BUNDLED = ROOT / "models/parapet-guard-tiny"
SHARED = Path(os.environ.get("PARAPET_SHARED", ROOT / "../shared")) / "data"


def parapet(*arguments: str, stdin: str | bytes = b"") -> subprocess.CompletedProcess:
    """Runs the program; its output is decoded, its exit status left to the caller."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    done = subprocess.run([PROGRAM, *arguments], input=stdin, capture_output=True, timeout=300)
    done.stdout = done.stdout.decode()
    done.stderr = done.stderr.decode()
    return done


def json_lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def copy_bundled(folder: Path) -> Path:
    """A copy of the bundled checkpoint, to be broken."""
    return Path(shutil.copytree(BUNDLED, folder / "model"))


def edit_json(file: Path, **changes) -> None:
    """Sets (or with None removes) fields of a JSON object in a file."""
    fields = json.loads(file.read_text(encoding="utf-8"))
    for key, value in changes.items():
        if value is None:
            fields.pop(key, None)
        else:
            fields[key] = value
    file.write_text(json.dumps(fields, ensure_ascii=False), encoding="utf-8")


class Safetensors:
    """The header and the data of a safetensors file, to be changed and written back."""

    def __init__(self, file: Path):
        self.file = file
        content = file.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        self.header = json.loads(content[8 : 8 + length])
        self.data = bytearray(content[8 + length :])

    def write(self) -> None:
        header = json.dumps(self.header).encode()
        header += b" " * (-len(header) % 8)
        self.file.write_bytes(struct.pack("<Q", len(header)) + header + self.data)
