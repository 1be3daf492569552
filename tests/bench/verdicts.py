#!/usr/bin/env python3
"""Verdict by verdict: what Formake says of data under a contract, beside datacontract-cli, the standard's reference tool.

Random contracts with random data (CSV, and Parquet with nested columns), and a fixed list of things that go wrong with files. Both tools read the
same two files. Every check of the one is put to a rule of the other, and outcome, severity and counted number are compared. Not JSON: there the
reference tool validates a JSON Schema first, with a check for each mistake.

    cargo build --release
    tests/bench/verdicts.py --formake target/release/formake --python PATH --cases 200 --seed 1

PATH is a Python that has datacontract-cli 1.2.8 (`pip install 'datacontract-cli[duckdb]==1.2.8'`); it writes the Parquet files, too. This script
itself needs nothing but Python. The same seed gives the same cases. Exit code 1: there is a difference. `--keep FOLDER` leaves all files there.
"""

import argparse
import collections
import csv
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

# What the reference tool calls its checks, and what Formake calls its rules.
RULES = {
    "field_is_present": "present",
    "field_required": "required",
    "field_unique": "unique",
    "field_primary_key_required": "primary key",
    "field_primary_key_unique": "primary key unique",
    "field_min_length": "minLength",
    "field_max_length": "maxLength",
    "field_minimum": "minimum",
    "field_maximum": "maximum",
    "field_regex": "pattern",
    "field_enum": "enum",
    "field_min_items": "minItems",
    "field_max_items": "maxItems",
    "field_unique_items": "uniqueItems",
}
LIMITS = ["mustBe", "mustNotBe", "mustBeBetween", "mustNotBeBetween"]
LIMITS += ["mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo"]
# Of each logical type: types in Parquet, and values.
TYPES = {
    "integer": (["bigint", "integer", "smallint", "ubigint"], list(range(10))),
    "string": (["varchar"], ["x", "yy", "zzz", "ü", "n/a", "Abc", "10", "a b", "a,b"]),
    "number": (["double", "float", "decimal(9, 2)"], [0.5, 1.25, 3.0, -2.5]),
    "date": (["date"], ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]),
    "timestamp": (["timestamp", "timestamp_ms"], ["2024-01-01T00:00:00", "2024-01-02T12:30:00", "2024-01-03T00:00:00"]),
    "boolean": (["boolean"], [True, False]),
}
QUERIES = [
    "SELECT count(*) FROM ${table} WHERE ${column} IS NULL",
    "SELECT count(DISTINCT {property}) FROM t",
    'SELECT count({field}) FROM "${object}"',
]


class Case:
    """Data and its contract, in a project of its own."""

    def __init__(self, name, form, properties, rows, types, quality, raw=None):
        self.name, self.form, self.rows, self.types, self.raw = name, form, rows, types, raw
        schema = {"name": "t", "properties": properties} | ({"quality": quality} if quality else {})
        head = {"apiVersion": "v3.2.0", "kind": "DataContract", "id": "data", "name": "data", "version": "1", "status": "active"}
        self.contract = head | {"schema": [schema]}

    def write(self, top):
        self.folder = f"{top}/{self.name}"
        path = f"{self.folder}/data.{self.form}"
        os.makedirs(f"{self.folder}/contracts")
        self.contract["servers"] = [{"server": "local", "type": "local", "path": path, "format": self.form}]
        write = lambda name, text: open(f"{self.folder}/{name}", "w", newline="").write(text)
        write("formake.yaml", "targets: []\n")
        write("pipeline.formula", f'source (data, prod, dl) from "data.{self.form}"\n')
        # JSON is YAML.
        write("contracts/data.odcs.yaml", json.dumps(self.contract, ensure_ascii=False, indent=1))
        if self.raw is not None:
            with open(path, "wb") as file:
                file.write(self.raw)
        elif self.form == "csv":
            write("data.csv", csv_text([list(self.types)] + self.rows))
        else:
            write("rows.json", json.dumps({"types": self.types, "rows": self.rows}))


def csv_text(rows):
    text = io.StringIO()
    cell = lambda value: "" if value is None else str(value).lower() if isinstance(value, bool) else value
    csv.writer(text, lineterminator="\n").writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


# ---- random cases


class Maker:
    def __init__(self, seed):
        self.dice, self.named = random.Random(seed), 0

    def often(self, share):
        return self.dice.random() < share

    def limited(self, rule, percent=False):
        """The rule with a name, a limit and perhaps a severity."""
        dice, limit = self.dice, self.dice.choice(LIMITS)
        if "Between" in limit:
            low = dice.randint(0, 4)
            rule[limit] = [low * 5, low * 5 + 25] if percent else [low, low + dice.randint(1, 5)]
        else:
            rule[limit] = dice.choice([0, 10, 12.5, 33.333333, 50]) if percent else dice.choice([0, 0, 1, 2, 3])
        if percent:
            rule["unit"] = "percent"
        if self.often(0.3):
            rule["severity"] = dice.choice(["warning", "info", "low", "high", "error"])
        self.named += 1
        return {"id": f"q{self.named}", "name": f"q{self.named}"} | rule

    def column_rules(self, logical):
        some = lambda: self.dice.sample(TYPES[logical][1], self.dice.randint(1, 2))
        for metric in self.dice.sample(["nullValues", "missingValues", "invalidValues", "duplicateValues", "sql"], self.dice.randint(0, 3)):
            if metric == "sql":
                yield self.limited({"type": "sql", "query": self.dice.choice(QUERIES)})
                continue
            rule = {"metric": metric}
            if metric == "missingValues" and self.often(0.8):
                rule["arguments"] = {"missingValues": [""] + some() if logical == "string" else some()}
            if metric == "invalidValues":
                patterned = logical in ("string", "integer") and self.often(0.5)
                rule["arguments"] = {"pattern": self.dice.choice(["^[a-z]", "1", "^.{1,2}$"])} if patterned else {}
                if not patterned or self.often(0.5):
                    rule["arguments"]["validValues"] = some()
            yield self.limited(rule, metric != "duplicateValues" and self.often(0.4))

    def options(self, logical):
        dice, result = self.dice, {}
        pick = lambda share, keys, values: result.update({dice.choice(keys): dice.choice(values)}) if self.often(share) else None
        if logical == "string":
            pick(0.3, ["minLength"], [1, 2])
            pick(0.3, ["maxLength"], [2, 3])
            pick(0.3, ["pattern"], ["^[a-z]+$", "x", "[A-Z]|ü", r"\d", "^(x|yy)$"])
        elif logical in ("integer", "number"):
            pick(0.3, ["minimum", "exclusiveMinimum"], [0, 1, 0.5] if logical == "number" else [0, 1])
            pick(0.3, ["maximum", "exclusiveMaximum"], [3, 9, 7])
        elif logical in ("date", "timestamp"):
            pick(0.3, ["minimum", "exclusiveMinimum"], TYPES[logical][1][:2])
            pick(0.3, ["maximum", "exclusiveMaximum"], TYPES[logical][1][1:])
        if sum(key.startswith("exclusive") for key in result) == 2:
            # The reference tool gives both checks one name, and can then make none at all.
            result.popitem()
        return result

    def property(self, name, logical, key=()):
        result = {"name": name, "logicalType": logical}
        result |= {flag: True for flag in ("required", "unique") if self.often(0.3)}
        if name in key:
            result |= {"primaryKey": True, "primaryKeyPosition": key.index(name) + 1}
        if options := self.options(logical):
            result["logicalTypeOptions"] = options
        if logical != "boolean" and self.often(0.25):
            values = TYPES[logical][1]
            result["enum"] = [{"value": value} for value in self.dice.sample(values, self.dice.randint(1, len(values)))]
        if rules := list(self.column_rules(logical)):
            result["quality"] = rules
        return result

    def nested(self):
        """A list and an object: properties, types in Parquet, and what makes a value."""
        inner = {"logicalType": "integer", "logicalTypeOptions": {"minimum": 2}} | {flag: True for flag in ("required", "unique") if self.often(0.5)}
        if self.often(0.5):
            arguments = {"arguments": {"validValues": [1, 2, 3]}}
            inner["quality"] = [self.limited(self.dice.choice([{"metric": "nullValues"}, {"metric": "invalidValues"} | arguments]), self.often(0.4))]
        items = {"name": "l", "logicalType": "array", "logicalTypeOptions": {"minItems": 1, "maxItems": 2, "uniqueItems": True}, "items": inner}
        a = {"name": "a", "logicalType": "integer", "required": True, "unique": self.often(0.5)}
        a["quality"] = [self.limited({"metric": self.dice.choice(["nullValues", "duplicateValues"])})]
        z = {"name": "z", "logicalType": "string", "logicalTypeOptions": {"maxLength": 1}, "enum": [{"value": "p"}]}
        fields = {"name": "o", "logicalType": "object", "required": self.often(0.5), "properties": [a, z]}
        number = lambda: self.dice.choice([None, 1, 2, 3, 4, 5, 6])
        make_list = lambda: None if self.often(0.2) else [number() for _ in range(self.dice.randint(0, 3))]
        make_object = lambda: None if self.often(0.2) else {"a": number(), "z": self.dice.choice(["p", "qq", None])}
        return [items, fields], {"l": "bigint[]", "o": "struct(a bigint, z varchar)"}, lambda: [make_list(), make_object()]

    def case(self, number):
        dice = self.dice
        form = dice.choice(["csv", "parquet"])
        count = dice.choice([0 if form == "parquet" else 1, 1, 8, 8, 8, 20])
        logicals = {"id": "integer", "s": "string"} | {name: name_type for name, name_type in zip("fdtb", list(TYPES)[2:]) if self.often(0.6)}
        key = dice.choice([[], ["id"], ["id", "s"]])
        properties = [self.property(name, logical, key) for name, logical in logicals.items()]
        value = lambda logical: None if self.often(0.2) else dice.choice(TYPES[logical][1])
        rows = [[value(logical) for logical in logicals.values()] for _ in range(count)]
        if self.often(0.4):
            for n, row in enumerate(rows):
                row[0] = n
        types = {name: dice.choice(TYPES[logical][0]) for name, logical in logicals.items()}
        if form == "parquet" and self.often(0.7):
            more, more_types, make = self.nested()
            properties, types = properties + more, types | more_types
            for row in rows:
                row += make()
        if self.often(0.15):
            properties.append({"name": "nowhere", "logicalType": "string"} | ({"required": True} if self.often(0.5) else {}))
        quality = []
        if self.often(0.5):
            quality.append(self.limited({"metric": "rowCount"}))
        if self.often(0.5):
            quality.append(self.limited({"metric": "duplicateValues", "arguments": {"properties": ["id", "s"]}}))
        return Case(f"c{number:04d}", form, properties, rows, types, quality)


# ---- what goes wrong with files


def corruptions():
    """(what is wrong, case, who says so). Every case differs from a good one in one thing."""
    good = [[1, "A1", "open", 2.5, "2024-01-31"], [2, "B2", "paid", 3.5, "2024-02-01"], [3, "C3", "open", 0.5, "2024-02-02"]]
    types = {"id": "bigint", "code": "varchar", "state": "varchar", "price": "double", "day": "date"}
    properties = [
        {"name": "id", "logicalType": "integer", "primaryKey": True, "logicalTypeOptions": {"minimum": 1, "multipleOf": 1}},
        {"name": "code", "logicalType": "string", "required": True, "logicalTypeOptions": {"pattern": "^[A-Z][0-9]$", "maxLength": 2}},
        {"name": "state", "logicalType": "string", "enum": [{"value": "open"}, {"value": "paid"}]},
        {"name": "price", "logicalType": "number", "logicalTypeOptions": {"exclusiveMinimum": 0}},
        {"name": "day", "logicalType": "date", "logicalTypeOptions": {"maximum": "2024-12-31"}},
    ]
    quality = [
        {"name": "rows", "metric": "rowCount", "mustBeBetween": [3, 9]},
        {"name": "free", "type": "sql", "query": "SELECT count(*) FROM ${table} WHERE price < 0.1", "mustBe": 0},
    ]
    found, text = [], csv_text([list(types)] + good)

    def add(what, form, who, rows=None, types=types, raw=None, properties=properties):
        found.append((f"{what} ({form})", Case(f"w{len(found):02d}", form, properties, rows if rows is not None else good, types, quality, raw), who))

    def cell(row, column, value):
        return [[value if (n, m) == (row, column) else old for m, old in enumerate(line)] for n, line in enumerate(good)]

    both, ours = {"formake", "datacontract"}, {"formake"}
    for form in ("csv", "parquet"):
        add("nothing", form, set())
        add("a column more", form, set(), [row + ["x"] for row in good], types | {"more": "varchar"})
        add("columns in another order", form, set(), [row[::-1] for row in good], dict(reversed(types.items())))
        add("a column is missing", form, both, [row[:3] + row[4:] for row in good], {name: types[name] for name in types if name != "price"})
        add("a column has another name", form, both, types={("cost" if name == "price" else name): kind for name, kind in types.items()})
        add("a column's name has other letters", form, ours, types={("Price" if name == "price" else name): kind for name, kind in types.items()})
        add("a null in the key", form, both, cell(1, 0, None))
        add("a key twice", form, both, cell(1, 0, 1))
        add("a null where a value is required", form, both, cell(1, 1, None))
        add("a pattern that does not match", form, both, cell(1, 1, "b2"))
        add("a value outside the enumeration", form, both, cell(1, 2, "lost"))
        add("a space after a value", form, both, cell(1, 2, "open "))
        add("a number at its exclusive limit", form, both, cell(1, 3, 0))
        add("a date that is too late", form, both, cell(1, 4, "2025-01-01"))
        add("a row too few", form, both, good[:2])
        add("no rows", form, both, [])
    for what, column, value in [
        ("a text among integers", 0, "one"),
        ("a text among numbers", 3, "free"),
        ("a decimal comma", 3, "1,5"),
        ("a date of another form", 4, "31.01.2024"),
        ("a day that no calendar has", 4, "2024-02-30"),
    ]:
        add(what, "csv", both, cell(1, column, value))
    # Read as the contract's types, 1.5 is 2.
    add("a fraction among integers", "csv", ours, cell(1, 0, 1.5))
    as_text = {name: "varchar" for name in types}
    add("integers as text", "parquet", ours, types=types | {"id": "varchar"})
    add("dates as text", "parquet", ours, types=types | {"day": "varchar"})
    add("integers as double", "parquet", set(), types=types | {"id": "double"})
    add("dates as timestamps", "parquet", ours, types=types | {"day": "timestamp"})
    add("all columns as text", "parquet", ours, types=as_text)
    add("an empty file", "csv", both, raw=b"")
    add("an empty file", "parquet", both, raw=b"")
    add("no Parquet", "parquet", both, raw=text.encode())
    add("no header", "csv", both, raw=csv_text(good).encode())
    add("a field too many in a line", "csv", both, raw=text.replace("B2,", "B2,B3,").encode())
    add("a field too few in a line", "csv", both, raw=text.replace("B2,", "").encode())
    add("a quote that does not end", "csv", both, raw=text.replace("B2", '"B2').encode())
    add("Latin-1", "csv", both, raw=text.replace("B2", "Ü2").encode("latin-1"))
    add("a byte order mark", "csv", set(), raw=b"\xef\xbb\xbf" + text.encode())
    add("semicolons", "csv", ours, raw=text.replace(",", ";").encode())
    add("ends of lines as of Windows", "csv", set(), raw=text.replace("\n", "\r\n").encode())
    add("cut off in the last line", "csv", both, raw=text.encode()[:-14])
    even = [properties[0] | {"logicalTypeOptions": {"multipleOf": 2}}] + properties[1:]
    add("no multiple", "csv", ours, properties=even)
    mail = properties[:1] + [properties[1] | {"logicalTypeOptions": {"format": "email"}}] + properties[2:]
    add("no e-mail address", "csv", ours, properties=mail)
    return found


# ---- the two tools


def reference(top):
    """Runs in the Python of the reference tool: a line for every case."""
    import logging

    import duckdb
    from datacontract.data_contract import DataContract

    logging.disable(logging.CRITICAL)
    for name in sorted(os.listdir(top)):
        folder = f"{top}/{name}"
        if os.path.exists(f"{folder}/rows.json"):
            with open(f"{folder}/rows.json") as file:
                data = json.load(file)
            db = duckdb.connect()
            db.execute("CREATE TABLE t(" + ", ".join(f'"{column}" {kind}' for column, kind in data["types"].items()) + ")")
            for row in data["rows"]:
                db.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(row))})", row)
            db.execute(f"COPY t TO '{folder}/data.parquet' (FORMAT parquet)")
        run = DataContract(data_contract_file=f"{folder}/contracts/data.odcs.yaml", inline_references=False).test()
        word = lambda result: str(result).split(".")[-1]
        checks = [[check.type, check.field, check.qualityId, word(check.result), check.reason, check.name] for check in run.checks]
        print(json.dumps({"case": name, "result": word(run.result), "checks": checks}), flush=True)


def ask_reference(python, top):
    env = os.environ | {"PYTHONWARNINGS": "ignore"}
    run = subprocess.run([python, os.path.abspath(__file__), "--reference", top], capture_output=True, text=True, env=env)
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith('{"case"')]
    if run.returncode != 0:
        sys.exit(f"the reference tool stopped after {len(lines)} cases:\n{run.stderr[-2000:]}")
    return {line["case"]: line for line in lines}


def ask_formake(program, case):
    """Its verdicts by rule, or what it says instead of them."""
    command = [program, "contract", "check", f"data.{case.form}", "--class", "data", "--all", "--json"]
    run = subprocess.run(command, cwd=case.folder, capture_output=True, text=True)
    if run.returncode not in (0, 1) or not run.stdout.startswith("{"):
        return None, (run.stderr or run.stdout).strip()
    return {verdict["rule"]: verdict for verdict in json.loads(run.stdout)["checked"][0]["verdicts"]}, None


# ---- comparison


def named(checks):
    """The reference tool's checks under the names of Formake's rules: an exclusive limit is two checks there, one after the other."""
    result = []
    for kind, field, own, outcome, reason, text in checks:
        if kind == "field_not_equal":
            name, before, why = result.pop()
            side = "exclusiveM" + name.rsplit(": m", 1)[1]
            worse = outcome if before == "passed" else before
            result.append([f"{field}: {side}", worse, None if worse == "passed" else ""])
        elif own:
            result.append([own, outcome, reason])
        elif kind == "primary_key_unique":
            result.append([re.search(r"primary key \(.*\)", text)[0], outcome, reason])
        elif kind in RULES:
            result.append([f"{field}: {RULES[kind]}", outcome, reason])
        else:
            result.append([kind, outcome, reason or text])
    return result


def number(reason):
    """What was counted, of `Actual missing_count(s) was 3, expected = 0`."""
    found = re.search(r"^Actual .* was (-?[0-9.]+)(%?)", reason or "")
    return float(found[1]) if found else None


class Tally:
    def __init__(self):
        self.counts, self.differences = collections.Counter(), []

    def differ(self, case, name, theirs, ours):
        self.counts["differ"] += 1
        self.differences.append(f"{case.name} ({case.form})  {name}\n    datacontract  {theirs}\n    formake       {ours}")

    def compare(self, case, said, verdicts):
        left = set(verdicts)
        for name, outcome, reason in named(said["checks"]):
            verdict = verdicts.get(name)
            left.discard(name)
            if name == "field_type" or (outcome == "warning" and "not supported yet" in (reason or "")):
                self.counts["only Formake: " + ("types" if name == "field_type" else name.split(": ")[-1])] += 1
            elif verdict and verdict["outcome"] == "skipped" and "there is no column" in verdict["message"]:
                self.counts["a column that is not there: said once by Formake, by the reference tool for each of its rules"] += 1
            elif verdict is None:
                self.differ(case, name, f"{outcome}: {reason}", "no such rule")
            else:
                # A check that fails and only warns is a `warning`; one that could not be made, an `error`.
                wanted = {"passed": "passed", "failed": "failed", "warning": "failed", "error": "skipped"}.get(outcome, outcome)
                count, found = number(reason), verdict["found"]
                same = verdict["outcome"] == wanted and (outcome == "warning") == (wanted == "failed" and verdict["severity"] != "error")
                if not same or None not in (count, found) and abs(count - found) > 0.06:
                    self.differ(case, name, f"{outcome}: {reason}", f"{verdict['outcome']} ({verdict['severity']}): {verdict['message']}")
                else:
                    self.counts["agree: " + verdict["outcome"]] += 1
        for name in left:
            if not name.endswith(": type"):
                self.differ(case, name, "no such check", verdicts[name]["message"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formake", default="target/release/formake", metavar="PATH")
    parser.add_argument("--python", default=sys.executable, metavar="PATH", help="a Python that has datacontract-cli (this one)")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", metavar="FOLDER", help="work in this new folder, and leave it there")
    parser.add_argument("--reference", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reference:
        return reference(options.reference)
    if not os.access(options.formake, os.X_OK):
        sys.exit(f"there is no program at {options.formake}: name it with --formake")
    if subprocess.run([options.python, "-c", "import datacontract, duckdb"], capture_output=True).returncode != 0:
        sys.exit(f"{options.python} has no datacontract-cli: name one that has with --python")
    formake, top = os.path.abspath(options.formake), os.path.abspath(options.keep or tempfile.mkdtemp(prefix="formake-verdicts-"))
    try:
        maker = Maker(options.seed)
        cases = [maker.case(n) for n in range(options.cases)]
        wrong = corruptions()
        for case in cases + [case for _, case, _ in wrong]:
            case.write(top)
        said = ask_reference(options.python, top)
        tally, surprises, said_by = Tally(), 0, []
        for case in cases:
            verdicts, refused = ask_formake(formake, case)
            if refused:
                tally.differ(case, "the contract", said[case.name]["result"], refused)
            else:
                tally.compare(case, said[case.name], verdicts)
        print(f"{len(cases)} random cases, seed {options.seed}\n")
        for what, count in sorted(tally.counts.items()):
            print(f"{count:7,}  {what}")
        for difference in tally.differences:
            print(f"\n{difference}")
        print("\n| what is wrong | Formake | datacontract-cli | |\n|---|---|---|---|")
        for what, case, who in wrong:
            verdicts, refused = ask_formake(formake, case)
            ours = refused or "; ".join(v["rule"] for v in verdicts.values() if v["outcome"] == "failed")
            theirs = "; ".join(name for name, outcome, _ in named(said[case.name]["checks"]) if outcome in ("failed", "error"))
            says = ({"formake"} if ours else set()) | ({"datacontract"} if theirs else set())
            surprises += says != who
            said_by.append(says)
            print(f"| {what} | {ours.splitlines()[0] if ours else '–'} | {theirs or '–'} | {'' if says == who else 'not as expected'} |")
        names = {"formake": "Formake", "datacontract": "datacontract-cli"}
        count = collections.Counter(" and ".join(sorted(names[one] for one in says)) or "nobody" for says in said_by)
        print("\nfound by: " + ", ".join(f"{who} {number}" for who, number in count.most_common()))
        sys.exit(1 if tally.differences or surprises else 0)
    finally:
        if not options.keep:
            shutil.rmtree(top)


if __name__ == "__main__":
    main()
