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
        """The file of `class@instance:label`; exports are of one label, and named without it."""
        if self.program is None:
            name = identity.split(":")[0]
            if name not in self.files:
                raise SystemExit(f"check: {name} was not exported")
            return self.files[name]
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

    def same(self, where, found, wanted, within=None):
        """Compares numbers `within` so much (else to nine digits), all else exactly; an empty text is no value."""
        self.compared += 1
        if isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
            try:
                close = abs(float(found) - wanted) <= (within or 1e-9 * max(1.0, abs(wanted)))
            except (TypeError, ValueError):
                close = False
        else:
            close = (found or None) == (wanted or None)
        if not close:
            self.wrong.append(f"{where}: found {found!r}, expected {wanted!r}")

    def rows(self, where, found, wanted, within):
        """Compares tables row by row; `within` says of rounded columns by how much they may differ."""
        self.same(f"{where}: number of rows", len(found), len(wanted))
        for number, (one, two) in enumerate(zip(found, wanted), 1):
            self.same(f"{where}, row {number}: columns", list(one), list(two))
            for name, value in two.items():
                self.same(f"{where}, row {number}, {name}", one.get(name), value, within.get(name))

    def value(self, where, found, wanted):
        """Compares what JSON holds, number by number."""
        if isinstance(wanted, dict) and isinstance(found, dict):
            self.same(f"{where}: names", sorted(found), sorted(wanted))
            for name, part in wanted.items():
                self.value(f"{where}, {name}", found.get(name), part)
        elif isinstance(wanted, list) and isinstance(found, list):
            self.same(f"{where}: length", len(found), len(wanted))
            for number, (one, two) in enumerate(zip(found, wanted), 1):
                self.value(f"{where}, {number}", one, two)
        else:
            self.same(where, found, wanted)

    def pinned(self, expected, data, part, computed):
        """Compares what was computed just now with what `expected.json` holds of the same data."""
        if expected["data"] == data:
            self.value("expected.json", computed, part(expected))
        else:
            print("check: data/ is no longer what expected.json was computed from; comparing with the raw files alone")

    def end(self):
        """Prints the verdict and ends the program with it."""
        for line in self.wrong[:20]:
            print(line, file=sys.stderr)
        if self.wrong:
            sys.exit(f"check: {len(self.wrong)} of {self.compared} comparisons failed")
        print(f"check: {self.compared} comparisons, all equal")


def rounded(value):
    """A value of JSON with its fractions cut to nine places, as files pin it."""
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return round(value, 9) if isinstance(value, float) else value


def fingerprint(folder):
    """Of all files in a folder, by name and bytes: tells whether the data are still those that `expected.json` was computed from."""
    seen = hashlib.sha256()
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        seen.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return seen.hexdigest()
