#!/usr/bin/env python3
"""Fails when two kinds of rows in the metadata begin alike: one would be read as the other.

Usage: check_row_kinds.py ROOT
"""

import re
import sys
from pathlib import Path

KIND = re.compile(r'inline constexpr std::string_view (\w+) = "(\w\w+)";')  # single letters end a key


def main():
    kinds = KIND.findall((Path(sys.argv[1]) / "src/storage/key_space.hpp").read_text(encoding="utf-8"))
    if len(kinds) < 10:
        sys.exit(f"only {len(kinds)} kinds of rows were found: key_space.hpp is written in another way now")
    mistakes = [
        f"{name} and {other}: \"{text}\" begins \"{longer}\""
        for name, text in kinds
        for other, longer in kinds
        if name != other and longer.startswith(text)
    ]
    print("\n".join(mistakes))
    print(f"{len(kinds)} kinds of rows, {len(mistakes)} mistakes")
    sys.exit(bool(mistakes))


if __name__ == "__main__":
    main()
