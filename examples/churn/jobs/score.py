"""score.py MODEL.json FEATURES.csv > SCORES.csv: each customer's probability to leave, highest first."""

import csv
import json
import sys

from logistic import probability, scaled


def main(model_path, features_path):
    with open(model_path) as file:
        model = json.load(file)
    weights = [feature["weight"] for feature in model["features"]]
    with open(features_path, newline="") as file:
        rows = list(csv.DictReader(file))
    scores = [(f"{probability(model['intercept'], weights, scaled(row, model['features'])):.6f}", row["customer_id"]) for row in rows]
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["customer_id", "probability"])
    table.writerows((customer, score) for score, customer in sorted(scores, key=lambda pair: (-float(pair[0]), pair[1])))


main(*sys.argv[1:])
