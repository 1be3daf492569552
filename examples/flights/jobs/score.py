"""score.py MODEL.json FEATURES.csv … > SCORES.csv: the delay that the model expects of each flight, beside the one it had."""

import csv
import json
import sys


def expected(model, row):
    total = model["intercept"]
    for feature in model["features"]:
        if row[feature["name"]]:
            total += feature["weight"] * (float(row[feature["name"]]) - feature["mean"]) / feature["deviation"]
    return total


def main(model_path, paths):
    with open(model_path) as file:
        model = json.load(file)
    scores = csv.writer(sys.stdout, lineterminator="\n")
    scores.writerow(["origin", "carrier", "flight", "dest", "expected_delay", "dep_delay"])
    for path in paths:
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                scores.writerow([row["origin"], row["carrier"], row["flight"], row["dest"], f"{expected(model, row):.3f}", row["dep_delay"]])


main(sys.argv[1], sys.argv[2:])
