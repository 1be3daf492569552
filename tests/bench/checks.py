#!/usr/bin/env python3
"""One contract on one table with Formake, datacontract-cli, Great Expectations, pandera and Soda: what each finds, how long it takes, and how much
memory it needs.

The table has one row per order. Four tables are made, always the same for a seed: `good`, where all rules hold; `broken`, where each of them is
broken in a few rows; `retyped`, where the quantity is text; and `shorter`, without a column. Every tool gets the rules in its own words, see the
functions below. A rule is `found` where the tool says that it is broken, and says nothing of it on the good table; a tool `stops` where it gives no
verdict on the whole table.

    cargo build --release
    tests/bench/checks.py --formake target/release/formake --datacontract PYTHON --gx PYTHON --pandera PYTHON --soda PYTHON --rows 10000 1000000

Each of the last four is a Python that has the tool; without the option, this one. What is not there is left out. One of them must have duckdb,
which makes the tables. Times are medians of `--repeat` runs on `broken`, of the whole command with its start; memory is the largest peak. Compare
ratios of one run, never seconds of two machines.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

COLUMNS = ["order_id", "code", "customer", "state", "price", "quantity", "country", "bought", "note"]
STATES = ["open", "paid", "shipped"]
PATTERN = "^[A-Z]{3}[0-9]{9}$"
LAST_DAY = "2024-12-31"
UNPAID = "state = 'shipped' AND price = 0"
RULES = {
    "present": "the column `country` is there",
    "type": "`quantity` is an integer",
    "primary key": "`order_id` is not null, and unique",
    "unique": "`code` is unique",
    "pattern": f"`code` matches `{PATTERN}`",
    "required": "`customer` is not null",
    "enum": "`state` is one of three",
    "range": "`price` is from 0 to 20,000",
    "length": "`country` has 2 characters",
    "last day": f"`bought` is {LAST_DAY} at the latest",
    "null share": "less than 25 % of `note` is null",
    "row count": "at least as many rows as promised",
    "query": "a query: nothing shipped is free",
}


# ---- data


def make(top, rows, form, table, seed):
    """Runs in a Python that has duckdb. The broken rows are spread over the whole table."""
    import duckdb

    db, step, broken = duckdb.connect(), max(rows // 5, 20), table == "broken"
    fails = lambda n, bad, good: f"CASE WHEN i % {step} = {n} THEN {bad} ELSE {good} END" if broken else good
    retyped = "CASE WHEN i % 7 = 0 THEN 'many' ELSE '3' END" if form == "csv" else "(h % 9)::VARCHAR"
    columns = {
        "order_id": fails(3, "i - 1", "i"),
        # 7919 has no factor in common with 10^9, so that no code comes twice.
        "code": fails(5, "'abc1'", fails(7, "'AAA000000000'", "chr(65 + (i % 26)::INT) || 'BC' || lpad(((i * 7919) % 1000000000)::VARCHAR, 9, '0')")),
        "customer": fails(9, "NULL", "'c' || (h % 100000)"),
        "state": fails(11, "'lost'", fails(17, "'shipped'", "['open', 'paid', 'shipped'][(h % 3 + 1)::INT]")),
        "price": fails(13, "-1.0", fails(17, "0.0", "1 + (h % 1000000) / 100.0")),
        "quantity": retyped if table == "retyped" else "(1 + h % 9)::BIGINT",
        "country": fails(15, "'Germany'", "['DE', 'FR', 'JP', 'US'][(h % 4 + 1)::INT]"),
        "bought": fails(19, "DATE '2025-01-01'", "DATE '2024-01-01' + (h % 366)::INT"),
        "note": f"CASE WHEN h % 10 < {5 if broken else 1} THEN NULL ELSE 'note ' || (h % 1000) END",
    }
    if table == "shorter":
        del columns["country"]
    select = ", ".join(f"{value}{'::DOUBLE' if name == 'price' else ''} AS {name}" for name, value in columns.items())
    source = f"(SELECT range AS i, hash(range + {seed * 1_000_003}) AS h FROM range({rows - 1 if broken else rows}))"
    db.execute(f"COPY (SELECT {select} FROM {source} ORDER BY i) TO '{path(top, table, form, rows)}' (FORMAT {form})")


def path(top, table, form, rows):
    return f"{top}/{table}-{rows}.{form}"


def contract(data, form, rows):
    option = lambda **options: {"logicalTypeOptions": options}
    quality = lambda **rule: {"quality": [rule]}
    properties = {
        "order_id": {"logicalType": "integer", "primaryKey": True},
        "code": {"logicalType": "string", "unique": True} | option(pattern=PATTERN),
        "customer": {"logicalType": "string", "required": True},
        "state": {"logicalType": "string", "enum": [{"value": state} for state in STATES]},
        "price": {"logicalType": "number"} | option(minimum=0, maximum=20000),
        "quantity": {"logicalType": "integer"},
        "country": {"logicalType": "string"} | option(minLength=2, maxLength=2),
        "bought": {"logicalType": "date"} | option(maximum=LAST_DAY),
        "note": {"logicalType": "string"} | quality(id="share", name="null share", metric="nullValues", mustBeLessThan=25, unit="percent"),
    }
    rules = [
        {"id": "rows", "name": "row count", "metric": "rowCount", "mustBeGreaterOrEqualTo": rows},
        {"id": "query", "name": "query", "type": "sql", "query": f"SELECT count(*) FROM ${{table}} WHERE {UNPAID}", "mustBe": 0},
    ]
    schema = {"name": "orders", "properties": [{"name": name} | what for name, what in properties.items()], "quality": rules}
    servers = [{"server": "local", "type": "local", "path": data, "format": form}]
    head = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "orders", "name": "orders", "version": "1", "status": "active"}
    return head | {"servers": servers, "schema": [schema]}


def write_contract(top, data, form, rows):
    os.makedirs(f"{top}/contracts", exist_ok=True)
    # JSON is YAML.
    with open(f"{top}/contracts/orders.odcs.yaml", "w") as file:
        json.dump(contract(data, form, rows), file, indent=1)


# ---- the tools. Each has a command, and tells of what it wrote which rules are broken; or None, where it could not tell of any.


class Formake:
    name = "Formake"

    def __init__(self, program):
        self.program = program

    def command(self, top, data, form, rows):
        write_contract(top, data, form, rows)
        return [self.program, "contract", "check", data, "--class", "orders", "--json"]

    def broken(self, output, top):
        failed = [verdict["rule"] for verdict in json.loads(output)["checked"][0]["verdicts"] if verdict["outcome"] == "failed"]
        return {plain(rule) for rule in failed}


class Datacontract:
    name = "datacontract-cli"
    module = "datacontract"

    def __init__(self, python):
        self.python = python

    def command(self, top, data, form, rows):
        write_contract(top, data, form, rows)
        start = "from datacontract.cli import app; app()"
        return [self.python, "-c", start, "test", f"{top}/contracts/orders.odcs.yaml", "--output-format", "json", "--output", f"{top}/said.json"]

    def broken(self, output, top):
        with open(f"{top}/said.json") as file:
            checks = json.load(file)["checks"]
        names = {
            "field_is_present": "present",
            "field_unique": "unique",
            "field_regex": "pattern",
            "field_required": "required",
            "field_enum": "enum",
            "field_null_values": "null share",
            "row_count": "row count",
            "model_quality_sql": "query",
            "general": "(the table cannot be read)",
        }
        failed = [check for check in checks if check["result"] in ("failed", "error")]
        return {names.get(check["type"]) or plain(f"{check['field']}: {check['type'].removeprefix('field_')}") for check in failed}


def plain(rule):
    """A rule's name in RULES, of `column: kind`."""
    column, _, kind = rule.rpartition(": ")
    if column == "order_id" and "primary" in kind:
        return "primary key"
    return {"price": "range", "country": "length", "bought": "last day"}.get(column, kind) if kind not in ("present", "type") else kind


class Script:
    """A tool that is a library: this file, run by the Python that has it."""

    def __init__(self, python):
        self.python = python

    def command(self, top, data, form, rows):
        return [self.python, os.path.abspath(__file__), "--run", type(self).__name__, data, form, str(rows)]

    def broken(self, output, top):
        return set(json.loads(output.splitlines()[-1]))


def frame(data, form):
    import pandas

    return pandas.read_parquet(data) if form == "parquet" else pandas.read_csv(data, parse_dates=["bought"])


class GreatExpectations(Script):
    name = "Great Expectations"
    module = "great_expectations"

    @staticmethod
    def run(data, form, rows):
        import datetime
        import logging

        import great_expectations as gx

        logging.disable(logging.CRITICAL)
        e, table = gx.expectations, frame(data, form)
        if form == "parquet":
            # Dates are Python objects there, and compare with such.
            last_day = datetime.date.fromisoformat(LAST_DAY)
        else:
            last_day = datetime.datetime.fromisoformat(LAST_DAY)
        shipped = 'state == "shipped"'
        rule = lambda kind, name, **words: kind(**words, meta={"rule": name})
        expectations = [
            rule(e.ExpectColumnToExist, "present", column="country"),
            rule(e.ExpectColumnValuesToBeOfType, "type", column="quantity", type_="int64"),
            rule(e.ExpectColumnValuesToNotBeNull, "primary key", column="order_id"),
            rule(e.ExpectColumnValuesToBeUnique, "primary key", column="order_id"),
            rule(e.ExpectColumnValuesToBeUnique, "unique", column="code"),
            rule(e.ExpectColumnValuesToMatchRegex, "pattern", column="code", regex=PATTERN),
            rule(e.ExpectColumnValuesToNotBeNull, "required", column="customer"),
            rule(e.ExpectColumnValuesToBeInSet, "enum", column="state", value_set=STATES),
            rule(e.ExpectColumnValuesToBeBetween, "range", column="price", min_value=0, max_value=20000),
            rule(e.ExpectColumnValueLengthsToEqual, "length", column="country", value=2),
            rule(e.ExpectColumnValuesToBeBetween, "last day", column="bought", max_value=last_day),
            rule(e.ExpectColumnValuesToNotBeNull, "null share", column="note", mostly=0.75),
            rule(e.ExpectTableRowCountToBeBetween, "row count", min_value=rows),
            # Queries are for its SQL sources; on a data frame, the rule is a condition for rows.
            rule(e.ExpectColumnValuesToNotBeInSet, "query", column="price", value_set=[0], row_condition=shipped, condition_parser="pandas"),
        ]
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        asset = context.data_sources.add_pandas("orders").add_dataframe_asset("orders")
        suite = gx.ExpectationSuite(name="orders", expectations=expectations)
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": table})
        found = batch.validate(suite)
        return {one.expectation_config.meta["rule"] for one in found.results if not one.success}


class Pandera(Script):
    name = "pandera"
    module = "pandera"

    @staticmethod
    def run(data, form, rows):
        import pandas
        import pandera.pandas as pa

        table = frame(data, form)
        table["bought"] = pandas.to_datetime(table["bought"])
        check = pa.Check
        schema = pa.DataFrameSchema(
            {
                "order_id": pa.Column(int, unique=True),
                "code": pa.Column(str, check.str_matches(PATTERN, name="pattern"), unique=True),
                "customer": pa.Column(str),
                "state": pa.Column(str, check.isin(STATES, name="enum")),
                "price": pa.Column(float, check.in_range(0, 20000, name="range")),
                "quantity": pa.Column(int),
                "country": pa.Column(str, check.str_length(2, 2, name="length")),
                "bought": pa.Column("datetime64[ns]", check.le(pandas.Timestamp(LAST_DAY), name="last day"), coerce=True),
                # It has no words for shares, for the number of rows, and for queries: a function says them.
                "note": pa.Column(str, check(lambda notes: notes.isna().mean() < 0.25, name="null share", ignore_na=False), nullable=True),
            },
            checks=[
                check(lambda orders: len(orders) >= rows, name="row count"),
                check(lambda orders: ~((orders["state"] == "shipped") & (orders["price"] == 0)), name="query"),
            ],
        )
        try:
            schema.validate(table, lazy=True)
        except pa.errors.SchemaErrors as found:
            names = {
                "COLUMN_NOT_IN_DATAFRAME": "present",
                "WRONG_DATATYPE": "type",
                "SERIES_CONTAINS_NULLS": "required",
                "SERIES_CONTAINS_DUPLICATES": "unique",
            }
            broken = set()
            for one in found.schema_errors:
                name = names.get(one.reason_code.name) or getattr(one.check, "name", None) or str(one.check)
                broken.add("primary key" if one.schema.name == "order_id" and name in ("required", "unique") else name)
            return broken
        return set()


class Soda(Script):
    name = "Soda"
    module = "soda.scan"

    @staticmethod
    def run(data, form, rows):
        import logging

        import duckdb
        from soda.scan import Scan

        logging.disable(logging.CRITICAL)
        regex = PATTERN.replace("\\", "\\\\")
        checks = f"""
checks for orders:
  - schema: {{ name: present, fail: {{ when required column missing: [country] }} }}
  - schema: {{ name: type, fail: {{ when wrong column type: {{ quantity: bigint }} }} }}
  - missing_count(order_id) = 0: {{ name: primary key }}
  - duplicate_count(order_id) = 0: {{ name: primary key }}
  - duplicate_count(code) = 0: {{ name: unique }}
  - invalid_count(code) = 0: {{ name: pattern, valid regex: '{regex}' }}
  - missing_count(customer) = 0: {{ name: required }}
  - invalid_count(state) = 0: {{ name: enum, valid values: [{', '.join(STATES)}] }}
  - invalid_count(price) = 0: {{ name: range, valid min: 0, valid max: 20000 }}
  - invalid_count(country) = 0: {{ name: length, valid length: 2 }}
  # Ranges are for numbers; of dates, a condition says them.
  - failed rows: {{ name: last day, fail condition: "bought > DATE '{LAST_DAY}'" }}
  - missing_percent(note) < 25: {{ name: null share }}
  - row_count >= {rows}: {{ name: row count }}
  - failed rows: {{ name: query, fail condition: "{UNPAID}" }}
"""
        db = duckdb.connect()
        db.execute(f"CREATE VIEW orders AS SELECT * FROM '{data}'")
        scan = Scan()
        scan.add_duckdb_connection(db)
        scan.set_data_source_name("duckdb")
        scan.add_sodacl_yaml_str(checks)
        scan.execute()
        failed = {check["name"] for check in scan.get_scan_results()["checks"] if check["outcome"] == "fail"}
        return failed | ({"(a query failed)"} if scan.has_error_logs() else set())


# ---- measuring


def measured(command, folder):
    """Output, exit code, seconds and the peak of memory in MB."""
    env = os.environ | {"PYTHONWARNINGS": "ignore", "SODA_TELEMETRY": "off", "GX_ANALYTICS_ENABLED": "false"}
    with open(f"{folder}/out", "w+") as out, open(f"{folder}/err", "w+") as err:
        start = time.perf_counter()
        child = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err, env=env)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        return out.read(), err.read(), seconds, usage.ru_maxrss / (1 if sys.platform != "darwin" else 1024) / 1024


def found(tool, folder, data, form, rows):
    out, err, seconds, peak = measured(tool.command(folder, data, form, rows), folder)
    try:
        return tool.broken(out, folder), seconds, peak
    except (ValueError, LookupError, OSError):
        return {"(it stopped: " + ((err or out).strip().splitlines() or ["no reason given"])[-1][:100] + ")"}, seconds, peak


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def stopped(said):
    return next((f"stops {why}" for why in said if why.startswith("(")), None)


def verdicts(tools, top, folder, rows, form):
    print(f"\n{form}, {rows:,} rows: which rules are found to be broken\n")
    says = lambda tool, table: found(tool, folder, path(top, table, form, rows), form, rows)[0]
    said = {(tool, table): says(tool, table) for tool in tools for table in ("good", "broken", "retyped", "shorter")}
    row("rule", *[tool.name for tool in tools])
    row(*["---"] * (len(tools) + 1))
    for rule, words in RULES.items():
        table = {"present": "shorter", "type": "retyped"}.get(rule, "broken")
        cell = lambda tool: "wrongly" if rule in said[tool, "good"] else "found" if rule in said[tool, table] else stopped(said[tool, table]) or "–"
        row(words, *[cell(tool) for tool in tools])
    for tool in tools:
        for table in ("good", "broken", "retyped", "shorter"):
            # What breaks by itself in `broken` is known; elsewhere, only what was changed there should be found.
            known = set(RULES) if table == "broken" else {"present", "length"} if table == "shorter" else {"type"} if table == "retyped" else set()
            if more := said[tool, table] - known:
                print(f"\n{tool.name} on `{table}` says, too: {', '.join(sorted(more))}")


def times(tools, top, folder, sizes, forms, repeat):
    print(f"\nTimes and peaks of memory on `broken`, medians of {repeat}\n")
    row("table", *[tool.name for tool in tools], *[f"{tool.name} / {tools[0].name}" for tool in tools[1:]])
    row(*["---"] * (2 * len(tools)))
    for rows in sizes:
        for form in forms:
            seconds, peaks = [], []
            for tool in tools:
                runs = [found(tool, folder, path(top, "broken", form, rows), form, rows) for _ in range(repeat)]
                seconds.append(statistics.median(one[1] for one in runs))
                peaks.append(max(one[2] for one in runs))
            cells = [f"{second:.2f} s, {peak:,.0f} MB" for second, peak in zip(seconds, peaks)]
            row(f"{rows:,} rows, {form}", *cells, *[f"{second / seconds[0]:.1f}" for second in seconds[1:]])


def has(python, module):
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0


def main():
    if sys.argv[1:2] == ["--run"]:
        tool, data, form, rows = sys.argv[2:]
        said = globals()[tool].run(data, form, int(rows))
        return print("\n" + json.dumps(sorted(said)))
    if sys.argv[1:2] == ["--make"]:
        top, rows, form, table, seed = sys.argv[2:]
        return make(top, int(rows), form, table, int(seed))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formake", default="target/release/formake", metavar="PATH")
    for name in ("datacontract", "gx", "pandera", "soda"):
        parser.add_argument(f"--{name}", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--formats", nargs="+", choices=["parquet", "csv"], default=["parquet", "csv"])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", metavar="FOLDER", help="work in this new folder, and leave it there")
    options = parser.parse_args()
    if not os.access(options.formake, os.X_OK):
        sys.exit(f"there is no program at {options.formake}: name it with --formake")
    tools = [Formake(os.path.abspath(options.formake))]
    pythons = {Datacontract: options.datacontract, GreatExpectations: options.gx, Pandera: options.pandera, Soda: options.soda}
    for kind, python in pythons.items():
        if has(python, kind.module):
            tools.append(kind(python))
        else:
            print(f"left out: {kind.name}, which {python} does not have")
    maker = next((python for python in pythons.values() if has(python, "duckdb")), None)
    if not maker:
        sys.exit("none of the Pythons has duckdb, which makes the tables: pip install duckdb")
    top = os.path.abspath(options.keep or tempfile.mkdtemp(prefix="formake-checks-"))
    folder = f"{top}/project"
    os.makedirs(folder)
    try:
        for name, text in [("formake.yaml", "targets: []\n"), ("pipeline.formula", 'source (orders, prod, dl) { doc "orders" }\n')]:
            with open(f"{folder}/{name}", "w") as file:
                file.write(text)
        small = min(options.rows)
        for form in options.formats:
            for table, rows in [(table, small) for table in ("good", "retyped", "shorter")] + [("broken", rows) for rows in options.rows]:
                subprocess.run([maker, os.path.abspath(__file__), "--make", top, str(rows), form, table, str(options.seed)], check=True)
            verdicts(tools, top, folder, small, form)
        times(tools, top, folder, options.rows, options.formats, options.repeat)
    finally:
        if not options.keep:
            shutil.rmtree(top)


if __name__ == "__main__":
    main()
