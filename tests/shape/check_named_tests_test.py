#!/usr/bin/env python3
"""The checker of named tests, on small trees: it passes what is right and names what is wrong."""

import tempfile
import unittest
from pathlib import Path

from check_named_tests import Checker

TREE = {
    "tests/http/a_test.cpp": "TEST_P(OciBlobTest, ARangeIs206) {\n}\nTEST(Plain,\n     Split) {}\n",
    "tests/storage/contract.hpp": "TEST_P(Contract, Holds) {}\n",
    "tests/ci/clients.sh": "#!/usr/bin/env bash\n",
    "tests/end_to_end/kill_test.py": "class Kill:\n    def test_many(self):\n        pass\n",
}


def check(page):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in {**TREE, "docs/page.md": page}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        checker = Checker(root)
        return checker.run(), checker.names


def table(*rows, head="test"):
    return "\n".join(["Words.", "", f"| what | {head} |", "|---|:--|", *rows, ""])


class CheckNamedTests(unittest.TestCase):
    def test_names_of_every_kind(self):
        page = table(
            "| ranges | `OciBlobTest.ARangeIs206` |",
            "| `a|b` has a bar | `Plain.Split`, `Contract.Holds` |",
            "| files | `tests/ci/clients.sh`, `tests/end_to_end/kill_test.py::test_many` |",
        )
        self.assertEqual(check(page), ([], 5))

    def test_what_does_not_exist(self):
        for name in (
            "OciBlobTest.Renamed",
            "OciBlobTest",
            "Other.ARangeIs206",
            "tests/ci/gone.sh",
            "tests/end_to_end/kill_test.py::test_few",
        ):
            problems, _ = check(table("| right | `Contract.Holds` |", f"| wrong | `{name}` |"))
            self.assertEqual(problems, [f"docs/page.md:6: there is no test {name}"])

    def test_a_row_without_a_test(self):
        problems, _ = check(table("| nobody looked | |"))
        self.assertEqual(problems, ["docs/page.md:5: the row names no test"])

    def test_other_tables_are_left_alone(self):
        self.assertEqual(check(table("| key | `no.such` |", head="meaning")), ([], 0))


if __name__ == "__main__":
    unittest.main()
