#!/usr/bin/env python3
"""Natural text in many languages, each piece once: Debian's documentation, as rows to tokenize.

Downloads the packages by apt (nothing is installed), takes the text of their pages, cuts it into
pieces of some 2,000 characters at the ends of lines, and leaves out what was there before. Needs
Debian, and Python without packages.
"""

import argparse
import gzip
import html
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = [
    "linux-doc-6.1",
    "python3.11-doc",
    "postgresql-doc-15",
    "debian-handbook",
    "gnome-user-docs",
    *(f"libreoffice-help-{language}" for language in "en-us de fr es it ja ko pl ru zh-cn".split()),
    *(f"manpages-{language}" for language in "de fr es pl".split()),
]
PIECE = 2000


def pages(folder):
    for path in sorted(Path(folder).rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        name = path.name.removesuffix(".gz")
        marked_up = name.endswith((".html", ".page", ".xml"))
        if not marked_up and not name.endswith((".txt", ".rst", ".1", ".5", ".7", ".8")):
            continue
        data = path.read_bytes()
        if path.name.endswith(".gz"):
            data = gzip.decompress(data)
        text = data.decode("utf-8", errors="ignore")
        if marked_up:
            text = re.sub(r"(?s)<(script|style|head)\b.*?</\1>|<!--.*?-->", " ", text)
            text = html.unescape(re.sub(r"<[^>]*>", "", text))
        yield re.sub(r"\n\s*\n+", "\n\n", text)


def pieces(text):
    piece, size = [], 0
    for line in text.splitlines(keepends=True):
        piece.append(line)
        size += len(line)
        if size >= PIECE:
            yield "".join(piece)
            piece, size = [], 0
    yield "".join(piece)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=260_000_000, help="default: %(default)s")
    args = parser.parse_args()
    seen, written = set(), 0
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as folder:
            download = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package]
            subprocess.run(download, cwd=folder, check=True)
            deb = next(Path(folder).glob("*.deb"))
            subprocess.run(["dpkg-deb", "-x", deb, f"{folder}/files"], check=True)
            before = written
            for page in pages(f"{folder}/files"):
                for piece in pieces(page):
                    if len(piece.strip()) < 100 or hash(piece) in seen:
                        continue
                    seen.add(hash(piece))
                    written += len(piece.encode())
                    print(json.dumps({"prompt": piece, "completion": ""}, ensure_ascii=False))
            print(f"{package}: {(written - before) / 1e6:.0f} MB", file=sys.stderr)
            if written >= args.bytes:
                return


if __name__ == "__main__":
    main()
