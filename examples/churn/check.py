"""Computes every number of this example from the raw files, with neither SQL nor the jobs' code, and compares what was built with them.

    python3 check.py DIR               DIR holds exports named class@instance (of label prod)
    FORMAKE=formake python3 check.py   asks `formake path` for each of them
    python3 check.py … --label churn-exp   the experiment's numbers
    python3 check.py --pin             writes the numbers to expected.json
"""

import argparse
import csv
import json
import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from exports import Exports, Findings, fingerprint, rounded  # noqa: E402

DAYS = ["2024-01-01", "2024-01-02", "2024-01-03"]
STEPS, RATE = 200, 0.5
NAMES = {"prod": ["tenure", "monthly_charges", "month_to_month"]}
NAMES["churn-exp"] = NAMES["prod"] + ["fiber", "tech_support", "electronic_check"]


def raw(name):
    with open(HERE / f"data/{name}.csv", newline="", encoding="utf-8") as file:
        return {row["customerID"]: row for row in csv.DictReader(file)}


def features(day):
    customers, billing, support = (raw(f"{name}/{day}") for name in ("customers", "billing", "support"))
    return [
        {
            "customer_id": customer,
            "tenure": int(customers[customer]["tenure"]),
            "senior": int(customers[customer]["SeniorCitizen"]),
            "monthly_charges": float(billing[customer]["MonthlyCharges"]),
            "total_charges": float(billing[customer]["TotalCharges"].strip() or 0),
            "month_to_month": int(billing[customer]["Contract"] == "Month-to-month"),
            "electronic_check": int(billing[customer]["PaymentMethod"] == "Electronic check"),
            "fiber": int(support[customer]["InternetService"] == "Fiber optic"),
            "tech_support": int(support[customer]["TechSupport"] == "Yes"),
        }
        for customer in sorted(customers)
    ]


def chance(weights, point):
    """The logistic function, written as a hyperbolic tangent."""
    return (1 + math.tanh(sum(map(float.__mul__, weights, point)) / 2)) / 2


def model(rows, names, left):
    """The same descent as the job's in one weight vector, the intercept its first part, summed row by row."""
    trained = [row for number, row in enumerate(rows) if number % 4 != 0]
    scale = []
    for name in names:
        mean = sum(row[name] for row in trained) / len(trained)
        scale.append((mean, (sum(row[name] ** 2 for row in trained) / len(trained) - mean**2) ** 0.5))

    def point(row):
        return [1.0] + [(row[name] - mean) / deviation for name, (mean, deviation) in zip(names, scale)]

    cases = [(point(row), left[row["customer_id"]]) for row in trained]
    weights = [0.0] * (1 + len(names))
    for _ in range(STEPS):
        slope = [0.0] * len(weights)
        for values, outcome in cases:
            error = chance(weights, values) - outcome
            for i, value in enumerate(values):
                slope[i] += error * value
        weights = [weight - RATE * total / len(cases) for weight, total in zip(weights, slope)]

    tested = [(chance(weights, point(row)), left[row["customer_id"]]) for row in rows[::4]]
    leavers = [score for score, outcome in tested if outcome]
    stayers = [score for score, outcome in tested if not outcome]
    wins = sum((one > two) + (one == two) / 2 for one in leavers for two in stayers)
    metrics = {
        "trained": len(trained),
        "tested": len(tested),
        "accuracy": sum((score > 0.5) == outcome for score, outcome in tested) / len(tested),
        "log_loss": -sum(math.log(score) if outcome else math.log(1 - score) for score, outcome in tested) / len(tested),
        "area_under_curve": wins / (len(leavers) * len(stayers)),
    }
    parts = [
        {"name": name, "mean": mean, "deviation": deviation, "weight": weight}
        for name, (mean, deviation), weight in zip(names, scale, weights[1:])
    ]
    return {"intercept": weights[0], "features": parts}, metrics, {row["customer_id"]: chance(weights, point(row)) for row in rows}


def truth(label):
    """Every output by identity."""
    left = {customer: row["Churn"] == "Yes" for customer, row in raw("outcomes").items()}
    known = {}
    for day in DAYS:
        known[f"churn_features@{day}"] = rows = features(day)
        known[f"churn_model@{day}"], known[f"churn_metrics@{day}"], known[f"churn_scores@{day}"] = model(rows, NAMES[label], left)
    return known


def summary(known):
    """What `expected.json` pins: models and metrics in full, of tables the rows and the sums of the numbers."""
    pinned = {}
    for identity, value in known.items():
        if identity.startswith("churn_features@"):
            value = {"rows": len(value)} | {name: sum(row[name] for row in value) for name in value[0] if name != "customer_id"}
        if identity.startswith("churn_scores@"):
            value = {"rows": len(value), "probability": sum(value.values())}
        pinned[identity] = rounded(value)
    return pinned


def compare(known, exports, findings, label):
    for identity, wanted in known.items():
        asked = f"{identity}:{label}"
        if identity.startswith("churn_features@"):
            # The experiment reads prod's features, and has none of its own.
            findings.rows(identity, exports.table(f"{identity}:prod"), wanted, {})
        elif identity.startswith("churn_scores@"):
            found = exports.table(asked)
            findings.same(f"{identity}: customers", sorted(row["customer_id"] for row in found), sorted(wanted))
            findings.same(f"{identity}: order", [row["probability"] for row in found], sorted((row["probability"] for row in found), reverse=True))
            for row in found:
                findings.same(f"{identity}: {row['customer_id']}", row["probability"], wanted.get(row["customer_id"]), 0.0000005001)
        else:
            findings.value(identity, json.loads(exports.path(asked).read_text()), wanted)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("exports", nargs="?")
    arguments.add_argument("--label", choices=list(NAMES), default="prod")
    arguments.add_argument("--pin", action="store_true")
    given = arguments.parse_args()
    file = HERE / "expected.json"
    if given.pin:
        labels = {label: summary(truth(label)) for label in NAMES}
        file.write_text(json.dumps({"data": fingerprint(HERE / "data"), "labels": labels}, indent=1) + "\n")
        return
    known = truth(given.label)
    findings = Findings()
    findings.pinned(json.loads(file.read_text()), fingerprint(HERE / "data"), lambda expected: expected["labels"][given.label], summary(known))
    compare(known, Exports(HERE, given.exports), findings, given.label)
    findings.end()


main()
