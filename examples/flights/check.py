"""Computes every number of this example from the raw files, with neither SQL nor the jobs' code, and compares what was built with them.

    python3 check.py DIR               DIR holds exports named class@instance
    FORMAKE=formake python3 check.py   asks `formake path` for each of them
    python3 check.py --pin             writes the numbers to expected.json
"""

import csv
import json
import sys
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from exports import Exports, Findings, fingerprint, rounded  # noqa: E402

AIRPORTS = ["EWR", "JFK", "LGA"]
FIRST, LAST = date(2013, 1, 1), date(2013, 2, 9)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
TRAINED_ON = [day for day in DAYS if day.month == 1]
SCORED = [day for day in DAYS if day.month == 2]
FEATURES = ["hour", "distance", "carrier_delay", "wind_speed", "precip", "visib"]
RIDGE = 1.0
IN_FULL = {f"carrier_totals@{LAST}", "network_report@2013-02-08", f"network_report@{LAST}"}


def raw(path):
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [{name: None if value == "NA" else value for name, value in row.items()} for row in csv.DictReader(file)]


FLIGHTS = {(a, d): raw(HERE / f"data/flights/{a}/{d}.csv") for a in AIRPORTS for d in DAYS}
WEATHER = {(a, d): {row["time_hour"]: row for row in raw(HERE / f"data/weather/{a}/{d}.csv")} for a in AIRPORTS for d in DAYS}
CARRIERS = {row["carrier"]: row["name"] for row in raw(HERE / "data/airlines.csv")}
PLACES = {row["faa"]: row["name"] for row in raw(HERE / "data/airports.csv")}


def number(text):
    return None if text is None else float(text)


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else None


def delays(rows, column="dep_delay"):
    return [int(row[column]) for row in rows if row[column] is not None]


def cancelled(rows):
    return sum(row["dep_time"] is None for row in rows)


def late(rows):
    return sum(delay > 15 for delay in delays(rows))


def grouped(rows, key):
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def features(airport, day):
    before = [row for n in range(1, 7) for row in FLIGHTS.get((airport, day - timedelta(days=n)), [])]
    lately = {carrier: mean(delays(rows)) for carrier, rows in grouped(before, lambda row: row["carrier"]).items()}
    table = []
    for row in sorted(FLIGHTS[airport, day], key=lambda row: (row["time_hour"], row["carrier"], int(row["flight"]))):
        if row["dep_time"] is None:
            continue
        seen = WEATHER[airport, day].get(row["time_hour"], {})
        table.append(
            {
                "origin": row["origin"],
                "dest": row["dest"],
                "carrier": row["carrier"],
                "flight": int(row["flight"]),
                "dep_delay": int(row["dep_delay"]),
                "hour": int(row["hour"]),
                "distance": int(row["distance"]),
                "carrier_delay": lately.get(row["carrier"]),
                "wind_speed": number(seen.get("wind_speed")),
                "precip": number(seen.get("precip")),
                "visib": number(seen.get("visib")),
            }
        )
    return table


def network_report(day):
    table = []
    for airport in AIRPORTS:
        for carrier, rows in grouped(FLIGHTS[airport, day], lambda row: row["carrier"]).items():
            average = mean(delays(rows))
            table.append(
                {
                    "airport": airport,
                    "airline": CARRIERS[carrier],
                    "flights": len(rows),
                    "cancelled": cancelled(rows),
                    "late": late(rows),
                    "mean_delay": average,
                }
            )
    return sorted(table, key=lambda row: (row["airport"], -row["flights"], row["airline"]))


def carrier_totals(day):
    rows = [row for (_, other), rows in FLIGHTS.items() if other <= day for row in rows]
    return [
        {"carrier": carrier, "flights": len(some), "cancelled": cancelled(some), "late": late(some), "delay_minutes": sum(delays(some))}
        for carrier, some in sorted(grouped(rows, lambda row: row["carrier"]).items())
    ]


def monthly_summary(month):
    rows = [row for (_, day), rows in FLIGHTS.items() if day.month == month for row in rows]
    days = len({day for (_, day), rows in FLIGHTS.items() if day.month == month and rows})
    table = [
        {
            "dest": dest,
            "name": PLACES.get(dest, dest),
            "flights": len(some),
            "cancelled": cancelled(some),
            "mean_arrival_delay": mean(delays(some, "arr_delay")),
            "days": days,
        }
        for dest, some in grouped(rows, lambda row: row["dest"]).items()
    ]
    return sorted(table, key=lambda row: (-row["flights"], row["dest"]))


def delay_model(tables):
    """The ridge regression in other steps than the job's: uncentred moments, then elimination with pivots."""
    rows = [row for table in tables for row in table]
    intercept = mean(row["dep_delay"] for row in rows)
    scale = {}
    for name in FEATURES:
        known = [row[name] for row in rows if row[name] is not None]
        middle = mean(known)
        scale[name] = (middle, mean((value - middle) ** 2 for value in known) ** 0.5)

    size = len(FEATURES)
    system = [[RIDGE * (i == j) for j in range(size)] + [0.0] for i in range(size)]
    for row in rows:
        point = [0.0 if row[name] is None else (row[name] - scale[name][0]) / scale[name][1] for name in FEATURES]
        point.append(float(row["dep_delay"]))
        for i in range(size):
            for j in range(size + 1):
                system[i][j] += point[i] * point[j]
    # A feature with missing values keeps the mean of zero, so the intercept moves only what the delays themselves sum to.
    for i, name in enumerate(FEATURES):
        system[i][size] -= intercept * sum((row[name] - scale[name][0]) / scale[name][1] for row in rows if row[name] is not None)
    for i in range(size):
        pivot = max(range(i, size), key=lambda k: abs(system[k][i]))
        system[i], system[pivot] = system[pivot], system[i]
        system[i] = [value / system[i][i] for value in system[i]]
        for k in range(size):
            if k != i:
                system[k] = [value - system[k][i] * head for value, head in zip(system[k], system[i])]
    return {
        "intercept": intercept,
        "features": [
            {"name": name, "mean": scale[name][0], "deviation": scale[name][1], "weight": system[i][size]} for i, name in enumerate(FEATURES)
        ],
        "rows": len(rows),
    }


def scores(model, tables):
    table = []
    for row in (row for rows in tables for row in rows):
        expected = model["intercept"] + sum(
            f["weight"] * (row[f["name"]] - f["mean"]) / f["deviation"] for f in model["features"] if row[f["name"]] is not None
        )
        names = ("origin", "carrier", "flight", "dest")
        table.append({**{name: row[name] for name in names}, "expected_delay": expected, "dep_delay": row["dep_delay"]})
    return table


def truth():
    """Every output by identity: tables, and the model."""
    known = {}
    for day in DAYS:
        for airport in AIRPORTS:
            known[f"delay_features@airport={airport},{day}"] = features(airport, day)
        known[f"network_report@{day}"] = network_report(day)
        known[f"carrier_totals@{day}"] = carrier_totals(day)
    for month in (1, 2):
        known[f"monthly_summary@2013-{month:02}"] = monthly_summary(month)
    of_day = {day: [known[f"delay_features@airport={airport},{day}"] for airport in AIRPORTS] for day in DAYS}
    model = delay_model([of_day[day][a] for a in range(len(AIRPORTS)) for day in TRAINED_ON])
    known["delay_model@2013-01"] = model
    for day in SCORED:
        known[f"delay_scores@{day}"] = scores(model, of_day[day])
    return known


def summary(known):
    """What `expected.json` pins: the sums of every table's numbers, the small tables in full, the model."""
    pinned = {}
    for identity, value in known.items():
        if isinstance(value, dict) or identity in IN_FULL:
            pinned[identity] = rounded(value)
        else:
            sums = {"rows": len(value)}
            for row in value:
                for name, cell in row.items():
                    if isinstance(cell, (int, float)):
                        sums[name] = sums.get(name, 0) + cell
            pinned[identity] = rounded(sums)
    return pinned


# Columns that jobs round: half a unit of their last place, and a breath more.
ROUNDED = {"mean_delay": 0.0500001, "mean_arrival_delay": 0.0500001, "expected_delay": 0.0005001}


def compare(known, exports, findings):
    for identity, wanted in known.items():
        if identity.startswith("delay_model@"):
            findings.value(identity, json.loads(exports.path(identity).read_text()), wanted)
        else:
            findings.rows(identity, exports.table(identity), wanted, ROUNDED)


def main(arguments):
    known = truth()
    file = HERE / "expected.json"
    data = fingerprint(HERE / "data")
    if arguments == ["--pin"]:
        file.write_text(json.dumps({"data": data, "outputs": summary(known)}, indent=1) + "\n")
        return
    findings = Findings()
    findings.pinned(json.loads(file.read_text()), data, lambda expected: expected["outputs"], summary(known))
    compare(known, Exports(HERE, arguments[0] if arguments else None), findings)
    findings.end()


main(sys.argv[1:])
