"""Whether every number in a safetensors file is finite, found in a child process that has given up its rights.

A damaged or hostile file ends the child, never the app. The header was judged before (`archives.header`); no tensor library is used.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ftapp import jail

ROOT = Path(__file__).resolve().parent.parent
_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from ftapp import finite; finite.main()"
_PART = 2**22
_SECONDS_A_GIGABYTE = 60.0
# dtype -> (the integer of its size, the bits that are all set in an infinity and in no number)
_EXPONENTS = {"F32": ("<u4", 0x7F800000), "F16": ("<u2", 0x7C00), "BF16": ("<u2", 0x7F80)}


def broken(path: Path) -> str | None:
    """The name of the first tensor that holds NaN or infinity; "" when the file could not be checked; None when all is well."""
    env = {name: os.environ[name] for name in ("SYSTEMROOT", "LD_LIBRARY_PATH") if name in os.environ}
    env |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    seconds = 60 + _SECONDS_A_GIGABYTE * path.stat().st_size / 2**30
    try:
        with path.open("rb") as file:
            ran = subprocess.run([sys.executable, "-I", "-B", "-c", _CHILD, str(ROOT)], stdin=file, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, env=env, cwd=ROOT, timeout=seconds)  # fmt: skip
        return json.loads(ran.stdout)["broken"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return ""


def main() -> None:
    """The child: the file on standard input, {broken: name or null} on standard output."""
    import numpy

    jail.enclose()
    sys.addaudithook(jail.refuse)
    data = sys.stdin.buffer
    entries = json.loads(data.read(int.from_bytes(data.read(8), "little")))
    entries.pop("__metadata__", None)
    found = None
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        whole, exponent = _EXPONENTS[entry["dtype"]]
        left = entry["data_offsets"][1] - entry["data_offsets"][0]
        while left and (part := data.read(min(left, _PART))):
            left -= len(part)
            if ((numpy.frombuffer(part, whole) & exponent) == exponent).any():
                found = name
        if left or found:
            found = found or name  # a file that ends early is no file of numbers
            break
    print(json.dumps({"broken": found}), flush=True)
