"""Where an example's check finds what was built: in a folder of exports, or by asking `formake path`."""

import csv
import hashlib
import os
import subprocess
import sys
from pathlib import Path


class Exports:
    """`DIR` holds files named `class@instance`, with or without an extension; without `DIR`, the program named by $FORMAKE is asked."""

    def __init__(self, project, folder=None):
        self.project = project
        self.files = {}
        if folder is not None:
            for path in Path(folder).iterdir():
                self.files[path.name] = path
                self.files.setdefault(path.stem, path)
        self.program = None if folder is not None else os.environ.get("FORMAKE", "formake")

    def path(self, identity):
        """The file of `class@instance`."""
        if self.program is None:
            if identity not in self.files:
                raise SystemExit(f"check: {identity} was not exported")
            return self.files[identity]
        asked = subprocess.run([self.program, "path", identity], cwd=self.project, capture_output=True, text=True)
        if asked.returncode != 0:
            raise SystemExit(f"check: `{self.program} path {identity}` ended with {asked.returncode}\n{asked.stderr}")
        return Path(self.project, asked.stdout.strip())

    def table(self, identity):
        """Its rows, as dictionaries of texts."""
        with open(self.path(identity), newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


class Findings:
    """What was compared, and what differed."""

    def __init__(self):
        self.compared = 0
        self.wrong = []

    def same(self, where, found, wanted, within=1e-9):
        """Compares numbers within a tolerance (relative above one), all else exactly; an empty text is no value."""
        self.compared += 1
        if isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
            try:
                close = abs(float(found) - wanted) <= within * max(1.0, abs(wanted))
            except (TypeError, ValueError):
                close = False
        else:
            close = (found or None) == (wanted or None)
        if not close:
            self.wrong.append(f"{where}: found {found!r}, expected {wanted!r}")

    def rows(self, where, found, wanted, within):
        """Compares tables row by row; `within` names the columns with a tolerance of their own."""
        self.same(f"{where}: number of rows", len(found), len(wanted))
        for number, (one, two) in enumerate(zip(found, wanted), 1):
            self.same(f"{where}, row {number}: columns", list(one), list(two))
            for name, value in two.items():
                self.same(f"{where}, row {number}, {name}", one.get(name), value, within.get(name, 1e-9))

    def end(self):
        """Prints the verdict and ends the program with it."""
        for line in self.wrong[:20]:
            print(line, file=sys.stderr)
        if self.wrong:
            sys.exit(f"check: {len(self.wrong)} of {self.compared} comparisons failed")
        print(f"check: {self.compared} comparisons, all equal")


def fingerprint(folder):
    """Of all files in a folder, by name and bytes: tells whether the data are still those that `expected.json` was computed from."""
    seen = hashlib.sha256()
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        seen.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return seen.hexdigest()
