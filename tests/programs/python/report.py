"""Reads a table, writes a report of it in several forms, and exits with the code that it is told."""

import base64
import csv
import decimal
import hashlib
import json
import math
import os
import pathlib
import re
import shutil
import struct
import sys
import tempfile
import textwrap
import unicodedata
import zipfile
import zlib

source, out, code = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])

with source.open(encoding="utf-8", newline="") as table:
    orders = list(csv.DictReader(table))
totals = {}
for order in orders:
    amount = decimal.Decimal(order["price"]) * int(order["count"])
    totals[order["customer"]] = totals.get(order["customer"], decimal.Decimal(0)) + amount
report = {"orders": orders, "totals": {name: str(total) for name, total in totals.items()}}
text = json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False)
(out / "report.json").write_text(text, encoding="utf-8")

packed = zlib.compress(text.encode(), 9)
(out / "report.z").write_bytes(struct.pack("<I", len(text)) + packed)
print(len(text), len(packed), zlib.crc32(packed), hashlib.sha256(packed).hexdigest())
print(base64.b85encode(packed[:24]).decode(), unicodedata.name("π"))

with tempfile.TemporaryDirectory() as folder:
    part = pathlib.Path(folder, "part.txt")
    part.write_text("\n".join(textwrap.wrap(re.sub(r"\s+", " ", text), 40)))
    with zipfile.ZipFile(pathlib.Path(folder, "all.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("part.txt"), part.read_bytes())
    shutil.copy(pathlib.Path(folder, "all.zip"), out / "all.zip")
    print(folder.startswith("/tmp/"), sorted(os.listdir(folder)))
print(os.path.exists(folder), sorted(path.name for path in out.iterdir()))

part = out / "nested" / "deep"
part.mkdir(parents=True)
(part / "empty").touch()
os.replace(part / "empty", part / "renamed")
(out / "link").symlink_to("nested/deep/renamed")
print((out / "link").is_symlink(), os.readlink(out / "link"), (out / "link").stat().st_size)
with (out / "report.json").open("r+b") as file:
    file.seek(0, os.SEEK_END)
    file.write(b"\n")
    file.truncate(file.tell())
print(f"{math.pi:.15f} {2**200} {0.1 + 0.2!r} {sys.maxsize} {sys.byteorder}")
try:
    open("/etc/passwd")
except OSError as error:
    print(type(error).__name__)
print(os.environ.get("GREETING"), sys.argv[1:], file=sys.stderr)
sys.exit(code)
