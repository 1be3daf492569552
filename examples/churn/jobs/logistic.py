"""What training and scoring share: a model's features are scaled as they were when it was trained."""

from math import exp


def scaled(row, features):
    return [(float(row[feature["name"]]) - feature["mean"]) / feature["deviation"] for feature in features]


def probability(intercept, weights, point):
    return 1.0 / (1.0 + exp(-intercept - sum(weight * x for weight, x in zip(weights, point))))
