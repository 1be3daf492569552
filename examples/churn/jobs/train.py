"""train.py FEATURES STEPS FEATURES.csv OUTCOMES.csv MODEL.json METRICS.json: a logistic regression by full gradient steps.

Every fourth customer is kept aside to measure the model. Nothing is random: the same data give the same bytes.
"""

import csv
import json
import sys
from math import fsum, log, sqrt

from logistic import probability, scaled

RATE = 0.5


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def scaling(rows, name):
    values = [float(row[name]) for row in rows]
    mean = fsum(values) / len(values)
    return {"name": name, "mean": mean, "deviation": sqrt(fsum((value - mean) ** 2 for value in values) / len(values))}


def descend(points, outcomes, steps):
    """Gradient descent on the mean log loss, from zero."""
    intercept, weights = 0.0, [0.0] * len(points[0])
    for _ in range(steps):
        errors = [probability(intercept, weights, point) - outcome for point, outcome in zip(points, outcomes)]
        intercept -= RATE * fsum(errors) / len(points)
        for i in range(len(weights)):
            weights[i] -= RATE * fsum(error * point[i] for error, point in zip(errors, points)) / len(points)
    return intercept, weights


def area_under_curve(scores, outcomes):
    """How often one who left is ranked above one who stayed, from the ranks' sum; ties count half."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks, start = [0.0] * len(scores), 0
    while start < len(order):
        end = start
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        for place in order[start:end]:
            ranks[place] = (start + 1 + end) / 2
        start = end
    left = sum(outcomes)
    return (fsum(rank for rank, outcome in zip(ranks, outcomes) if outcome) - left * (left + 1) / 2) / (left * (len(outcomes) - left))


def write(path, value):
    with open(path, "w") as file:
        json.dump(value, file, indent=2, sort_keys=True)
        file.write("\n")


def short(value):
    return float(f"{value:.12g}")


def main(names, steps, features_path, outcomes_path, model_path, metrics_path):
    left = {row["customerID"]: int(row["Churn"] == "Yes") for row in read(outcomes_path)}
    rows = read(features_path)
    trained = [row for number, row in enumerate(rows) if number % 4]
    tested = rows[::4]

    features = [scaling(trained, name) for name in names.split(",")]
    intercept, weights = descend([scaled(row, features) for row in trained], [left[row["customer_id"]] for row in trained], int(steps))

    scores = [probability(intercept, weights, scaled(row, features)) for row in tested]
    outcomes = [left[row["customer_id"]] for row in tested]
    write(
        model_path,
        {
            "intercept": short(intercept),
            "features": [
                {"name": feature["name"], "mean": short(feature["mean"]), "deviation": short(feature["deviation"]), "weight": short(weight)}
                for feature, weight in zip(features, weights)
            ],
        },
    )
    write(
        metrics_path,
        {
            "trained": len(trained),
            "tested": len(tested),
            "accuracy": short(sum((score > 0.5) == bool(outcome) for score, outcome in zip(scores, outcomes)) / len(tested)),
            "log_loss": short(-fsum(log(score if outcome else 1 - score) for score, outcome in zip(scores, outcomes)) / len(tested)),
            "area_under_curve": short(area_under_curve(scores, outcomes)),
        },
    )


main(*sys.argv[1:])
