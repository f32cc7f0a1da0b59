#!/usr/bin/env python3
"""Fails when a page names a test that does not exist.

Usage: check_named_tests.py ROOT

A page of docs/ says which test holds what by a table whose last column is headed "test". Each name in that column stands in
backquotes and is one of:

    Suite.Name          a GoogleTest test of tests/
    path/to/script.sh   a file
    path/to/test.py::name   a function or class of a Python test

Several stand beside each other; a row without any is a mistake. The same test may be named more than once.
"""

import re
import sys
from pathlib import Path

GOOGLE_TEST = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)
SUITE_AND_NAME = re.compile(r"[A-Za-z]\w*\.[A-Za-z]\w*")
ROW = re.compile(r"^\|(.*)\|\s*$")
RULE = re.compile(r"[\s:-]+")


def google_tests(root):
    """Suite.Name of every test, without regard to what it is instantiated with."""
    names = set()
    for suffix in ("*.cpp", "*.hpp"):
        for path in (root / "tests").rglob(suffix):
            names.update(f"{suite}.{name}" for suite, name in GOOGLE_TEST.findall(path.read_text(encoding="utf-8")))
    return names


def cells(line):
    """The cells of a table's row; None for what is none. A bar in backquotes parts none."""
    row = ROW.match(line)
    if row is None:
        return None
    bars_kept = re.sub(r"`[^`]*`", lambda code: code.group().replace("|", "\0"), row.group(1))
    return [cell.strip().replace("\0", "|") for cell in bars_kept.split("|")]


def rows_with_tests(text):
    """Line number and last cell of the rows of those tables."""
    head = None
    for number, line in enumerate(text.splitlines(), 1):
        row = cells(line)
        if row is None:
            head = None
        elif head is None:
            head = row
        elif head[-1] == "test" and not all(RULE.fullmatch(cell) for cell in row):
            yield number, row[-1]


class Checker:
    def __init__(self, root):
        self.root = Path(root)
        self.tests = google_tests(self.root)
        self.names = 0
        self.problems = []

    def run(self):
        for page in sorted((self.root / "docs").rglob("*.md")):
            for number, cell in rows_with_tests(page.read_text(encoding="utf-8")):
                self.check_cell(f"{page.relative_to(self.root)}:{number}", cell)
        return self.problems

    def check_cell(self, place, cell):
        names = re.findall(r"`([^`]+)`", cell)
        if not names:
            self.problems.append(f"{place}: the row names no test")
        for name in names:
            self.names += 1
            if not self.exists(name):
                self.problems.append(f"{place}: there is no test {name}")

    def exists(self, name):
        if "/" not in name:
            return SUITE_AND_NAME.fullmatch(name) is not None and name in self.tests
        path, _, function = name.partition("::")
        file = self.root / path
        if not file.is_file():
            return False
        pattern = rf"^\s*(def|class) {re.escape(function)}\b"
        return not function or re.search(pattern, file.read_text(encoding="utf-8"), re.MULTILINE) is not None


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    checker = Checker(arguments[1])
    for problem in checker.run():
        print(problem)
    print(f"{checker.names} named tests, {len(checker.problems)} mistakes")
    return 1 if checker.problems or checker.names == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
