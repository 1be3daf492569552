"""Computes the reports of this example from the raw files, with neither SQL nor Formake, and compares what was built with them.

    python3 check.py DIR               DIR holds exports named class@instance
    FORMAKE=formake python3 check.py   asks `formake path` for each of them
    python3 check.py … --with tyo      after the store's line in formake.yaml was made to count
    python3 check.py --pin             writes the numbers to expected.json
"""

import argparse
import csv
import json
import sys
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from exports import Exports, Findings, fingerprint, rounded  # noqa: E402

DAYS = [date(2024, 3, 1) + timedelta(days=n) for n in range(7)]
CURRENCIES = {"lon": "GBP", "nyc": "USD", "tyo": "JPY"}


def raw(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def rate(currency, day):
    """The newest rate of the day or the three days before it."""
    files = [HERE / f"data/fx/{day - timedelta(days=lag)}.csv" for lag in range(4)]
    newest = next(path for path in files if path.exists())
    return next(Fraction(row["per_euro"]) for row in raw(newest) if row["currency"] == currency)


def report(day, stores):
    """Exact sums by store and product."""
    table = []
    for store in sorted(stores):
        path = HERE / f"data/sales/{store}/{day}.csv"
        rows = raw(path) if path.exists() else []
        for product in sorted({row["product"] for row in rows}):
            some = [row for row in rows if row["product"] == product]
            euros = sum(int(row["quantity"]) * Fraction(row["price"]) for row in some) / rate(CURRENCIES[store], day)
            units = sum(int(row["quantity"]) for row in some)
            table.append({"store": store, "product": product, "sales": len(some), "units": units, "eur": float(euros)})
    return table


def truth(extra):
    return {f"report@{day}": report(day, {"nyc", "lon"} | set(extra)) for day in DAYS}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("exports", nargs="?")
    arguments.add_argument("--with", dest="extra", choices=["tyo"])
    arguments.add_argument("--pin", action="store_true")
    given = arguments.parse_args()
    file = HERE / "expected.json"
    if given.pin:
        reports = {"two": rounded(truth([])), "three": rounded(truth(["tyo"]))}
        file.write_text(json.dumps({"data": fingerprint(HERE / "data"), "stores": reports}, indent=1) + "\n")
        return
    known = truth([given.extra] if given.extra else [])
    findings = Findings()
    findings.pinned(json.loads(file.read_text()), fingerprint(HERE / "data"), lambda e: e["stores"]["three" if given.extra else "two"], rounded(known))
    exports = Exports(HERE, given.exports)
    for identity, wanted in known.items():
        # Reports are rounded to cents.
        findings.rows(identity, exports.table(identity), wanted, {"eur": 0.0050001})
    findings.end()


main()
