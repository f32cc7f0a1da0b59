#!/usr/bin/env python3
"""The checker of includes, on small trees: it passes what is right and names what is wrong."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from check_includes import Checker, read_layers

LAYERS = """
core:
support: core           | fmt/
json:    core support   | rapidjson/
storage: core support
lmdb:    core storage   | lmdb.h
async:   core storage   | boost/
slipway: core storage
serve:   *
capi:    core storage
"""

GOOD = {
    "include/slipway/core/digest.hpp": "#pragma once\n#include <string>\n#include <cstdint>\n",
    "include/slipway/storage/blob_store.hpp": '#include "slipway/core/digest.hpp"\n#include <stop_token>\n',
    "include/slipway/async/pool.hpp": "#include <boost/asio.hpp>\n#include <slipway/storage/blob_store.hpp>\n",
    "include/slipway/slipway.hpp": '#include "slipway/storage/blob_store.hpp"\n',
    "src/json/value.hpp": '#include "slipway/core/digest.hpp"\n',
    "src/json/value.cpp": '#include "json/value.hpp"\n#include <rapidjson/document.h>\n#include <string.h>\n',
    "src/lmdb/store.cpp": "#include <lmdb.h>\n#include <sys/stat.h>\n#include <unistd.h>\n",
    "src/serve/serve.cpp": '  #  include "json/value.hpp"\n// #include <lmdb.h>\n/*\n#include <lmdb.h>\n*/\n',
    "capi/include/slipway.h": "#include <stdint.h>\n",
    "capi/src/blob.cpp": '#include "slipway.h"\n#include "slipway/storage/blob_store.hpp"\n',
}


def problems_of(files):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in {"cmake/layers.txt": LAYERS, **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return Checker(root).run()


class CheckIncludes(unittest.TestCase):
    def test_a_good_tree_passes(self):
        self.assertEqual(problems_of(GOOD), [])

    def assert_wrong(self, path, include, message):
        """A file with one wrong include in its second line, in an otherwise good tree."""
        problems = problems_of({**GOOD, path: f"#include <string>\n#include {include}\n"})
        self.assertEqual(len(problems), 1, problems)
        self.assertTrue(problems[0].startswith(f"{path}:2: "), problems)
        self.assertIn(message, problems[0])

    def test_arrows_that_point_up(self):
        self.assert_wrong("src/core/x.cpp", '"slipway/storage/blob_store.hpp"', "core may not include storage")
        self.assert_wrong("src/storage/x.cpp", '"json/value.hpp"', "storage may not include json")
        self.assert_wrong("src/json/x.cpp", '"serve/serve.hpp"', "json may not include serve")
        self.assert_wrong("include/slipway/core/x.hpp", "<slipway/storage/blob_store.hpp>", "core may not include storage")
        self.assert_wrong("include/slipway/slipway.hpp", '"slipway/async/pool.hpp"', "slipway may not include async")
        self.assert_wrong("src/storage/x.cpp", '"slipway/slipway.hpp"', "storage may not include slipway")
        self.assert_wrong("capi/src/x.cpp", '"json/value.hpp"', "capi may not include json")

    def test_other_peoples_headers_away_from_their_folder(self):
        self.assert_wrong("src/json/x.cpp", "<lmdb.h>", "only lmdb may include it, not json")
        self.assert_wrong("src/serve/x.cpp", "<rapidjson/document.h>", "only json may include it, not serve")
        self.assert_wrong("src/lmdb/x.cpp", "<boost/asio.hpp>", "only async may include it, not lmdb")
        self.assert_wrong("src/json/x.cpp", "<zlib.h>", "an unknown library")
        self.assert_wrong("src/json/x.cpp", "<curl/curl.h>", "an unknown library")

    def test_public_headers_show_nothing_but_the_standard_library(self):
        self.assert_wrong("include/slipway/storage/x.hpp", "<boost/asio.hpp>", "no public header but those of async/")
        self.assert_wrong("include/slipway/support/x.hpp", "<fmt/format.h>", "no public header but those of async/")
        self.assert_wrong("include/slipway/storage/x.hpp", "<sys/stat.h>", "the standard library only")
        self.assert_wrong("include/slipway/storage/x.hpp", "<string.h>", "<cstring>")
        self.assert_wrong("include/slipway/async/x.hpp", '"json/value.hpp"', "may not include an internal one")
        self.assert_wrong("include/slipway/storage/x.hpp", '"slipway/storage/none.hpp"', "no such header")

    def test_names_that_hide_what_is_included(self):
        self.assert_wrong("src/json/x.cpp", '"value.hpp"', "name it from src/ or include/")
        self.assert_wrong("src/json/x.cpp", '"../lmdb/store.hpp"', "name it from src/ or include/")
        self.assert_wrong("src/json/x.cpp", "HEADER", "write the header's name")

    def test_a_folder_without_a_row(self):
        problems = problems_of({**GOOD, "src/misc/x.cpp": "#include <string>\n"})
        self.assertEqual(len(problems), 2, problems)
        self.assertIn('its folder "misc" has no row', problems[0])

    def test_the_table_itself_is_ordered(self):
        with self.assertRaisesRegex(ValueError, "core: not a folder above it: json"):
            read_layers("core: json\njson: core\n")
        with self.assertRaisesRegex(ValueError, "layers.txt:1: expected"):
            read_layers("core json\n")

    def test_the_program_says_so_by_its_exit_status(self):
        program = Path(__file__).with_name("check_includes.py")
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "cmake").mkdir()
            (root / "cmake/layers.txt").write_text(LAYERS)
            (root / "src/json").mkdir(parents=True)
            source = root / "src/json/x.cpp"
            for include, status in (("<rapidjson/document.h>", 0), ("<lmdb.h>", 1)):
                source.write_text(f"#include {include}\n")
                run = subprocess.run([sys.executable, "-B", program, root], capture_output=True, text=True, check=False)
                self.assertEqual(run.returncode, status, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
