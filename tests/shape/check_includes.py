#!/usr/bin/env python3
"""Fails on an #include that cmake/layers.txt does not allow.

Usage: check_includes.py ROOT

Reads every #include of include/, src/, capi/ and bindings/ under ROOT. A file's layer is its folder; what it includes is the
header of a layer, of the standard library, of the system, or of somebody else's library, and for each of these there is a rule.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

INCLUDE = re.compile(r"""^[ \t]*\#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>|(\S.*))""", re.MULTILINE)
BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
SOURCES = {".hpp", ".cpp", ".h", ".c", ".ipp"}

# <vector>, and the C headers that the C++ standard and C99 name.
STANDARD = re.compile(r"[a-z_0-9]+|(assert|errno|limits|locale|math|setjmp|signal|std\w+|string|time|inttypes|float|wchar)\.h")
SYSTEM = re.compile(
    r"(sys|linux|net|netinet|arpa|asm)/[\w/]+\.h"
    r"|(dirent|dlfcn|fcntl|fnmatch|glob|grp|ifaddrs|langinfo|netdb|poll|pthread|pty|pwd|sched|semaphore|spawn|strings|syslog"
    r"|termios|ucontext|unistd|utime|execinfo|cxxabi|elf|link|mntent|malloc|getopt|ftw|endian)\.h"
)


@dataclass
class Layer:
    may_include: set
    libraries: list  # headers, or prefixes that end in "/"


def read_layers(text):
    """The table of layers.txt, by name."""
    layers = {}
    for number, line in enumerate(text.splitlines(), 1):
        row = line.split("#", 1)[0].strip()
        if not row:
            continue
        if not re.match(r"[a-z]+:", row):
            raise ValueError(f'layers.txt:{number}: expected "folder: folders | headers", got "{row}"')
        name, rest = row.split(":", 1)
        folders, _, libraries = rest.partition("|")
        may_include = set(folders.split())
        if may_include == {"*"}:
            may_include = set(layers) - {"slipway", "capi", "bindings"}
        unknown = may_include - set(layers)
        if unknown:
            raise ValueError(f"layers.txt:{number}: {name}: not a folder above it: {' '.join(sorted(unknown))}")
        layers[name] = Layer(may_include, libraries.split())
    return layers


def is_of(header, libraries):
    return any(header.startswith(entry) if entry.endswith("/") else header == entry for entry in libraries)


def layer_of_public(path):
    """The layer of slipway/<folder>/<file> and of slipway/slipway.hpp, as parts of a path."""
    return path[1] if len(path) > 2 else "slipway"


def includes_of(text):
    """Line number, included name, and whether it stood in quotes; None for a name that is a macro."""
    blanked = BLOCK_COMMENT.sub(lambda comment: re.sub(r"[^\n]", " ", comment.group()), text)
    for match in INCLUDE.finditer(blanked):
        line = blanked.count("\n", 0, match.start()) + 1
        quoted, angled, other = match.groups()
        yield line, quoted or angled, quoted is not None, other


class Checker:
    def __init__(self, root):
        self.root = Path(root)
        self.layers = read_layers((self.root / "cmake/layers.txt").read_text())
        self.problems = []
        self.files = 0

    def run(self):
        for folder in ("include", "src", "capi", "bindings"):
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in SOURCES and path.is_file():
                    self.check_file(path.relative_to(self.root))
        for path in sorted((self.root / "src").glob("*/")):
            if path.is_dir() and path.name not in self.layers:
                self.problems.append(f"src/{path.name}: has no row in cmake/layers.txt")
        return self.problems

    def check_file(self, path):
        self.files += 1
        top, *rest = path.parts
        public = top == "include"
        if public:
            name = layer_of_public(rest)
        elif top == "src":
            name = rest[0]
        else:
            name = top
        layer = self.layers.get(name)
        if layer is None:
            self.problems.append(f'{path}: its folder "{name}" has no row in cmake/layers.txt')
            return
        for line, header, quoted, macro in includes_of((self.root / path).read_text(encoding="utf-8")):
            if macro:
                problem = f"write the header's name, not {macro}"
            else:
                problem = self.judge(path, name, layer, public, header, quoted)
            if problem:
                self.problems.append(f"{path}:{line}: {problem}")

    def judge(self, path, name, layer, public, header, quoted):
        """What is wrong with the include, or None."""
        parts = header.split("/")
        if "." in parts or ".." in parts:
            return f'"{header}": name it from src/ or include/, such as "json/value.hpp"'

        if parts[0] == "slipway" or (quoted and len(parts) > 1 and parts[0] in self.layers):
            if parts[0] == "slipway" and not (self.root / "include" / header).is_file():
                return f'"{header}": there is no such header in include/'
            target = layer_of_public(parts) if parts[0] == "slipway" else parts[0]
            if public and parts[0] != "slipway":
                return f'"{header}": a public header may not include an internal one'
            if target != name and target not in layer.may_include:
                return f'"{header}": {name} may not include {target}'
            return None

        if quoted and name in ("capi", "bindings"):
            return None if self.beside(path, header) or header == "slipway.h" else f'"{header}": there is no such file'
        if quoted:
            return f'"{header}": name it from src/ or include/; quotes are for our own headers, <> for other people\'s'

        if STANDARD.fullmatch(header):
            if public and header.endswith(".h"):
                return f"<{header}>: a public header includes <c{header[:-2]}> instead"
            return None
        if SYSTEM.fullmatch(header):
            return f"<{header}>: a public header includes the standard library only" if public else None

        if is_of(header, layer.libraries) and (not public or name == "async"):
            return None
        homes = [other for other, entry in self.layers.items() if is_of(header, entry.libraries)]
        if public:
            return f"<{header}>: no public header but those of async/ may include other people's"
        if homes:
            return f"<{header}>: only {' and '.join(homes)} may include it, not {name}"
        return f"<{header}>: an unknown library; give it to one folder in cmake/layers.txt"

    def beside(self, path, header):
        """Whether a file of capi/ or bindings/ names one of its own folder."""
        return any((self.root / path.parts[0]).rglob(header))


def main(arguments):
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    checker = Checker(arguments[1])
    for problem in checker.run():
        print(problem)
    print(f"{checker.files} files, {len(checker.problems)} wrong includes")
    return 1 if checker.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
