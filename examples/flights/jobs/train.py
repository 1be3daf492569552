"""train.py RIDGE FEATURES.csv … > MODEL.json: a ridge regression of departure delays by its normal equations.

Every feature is centred and scaled by the training rows; a missing value stands at the mean, so that it says nothing either way.
Sums are exact (`math.fsum`), so the model does not depend on the order of the rows.
"""

import csv
import json
import sys
from math import fsum, sqrt

FEATURES = ["hour", "distance", "carrier_delay", "wind_speed", "precip", "visib"]


def read(paths):
    for path in paths:
        with open(path, newline="") as file:
            yield from csv.DictReader(file)


def scaling(values):
    """Mean and standard deviation of what is known."""
    known = [value for value in values if value is not None]
    mean = fsum(known) / len(known)
    return mean, sqrt(fsum((value - mean) ** 2 for value in known) / len(known))


def solve(matrix, right):
    """`matrix · x = right` for a positive definite matrix, by Cholesky's decomposition."""
    n = len(right)
    low = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i][j] - fsum(low[i][k] * low[j][k] for k in range(j))
            low[i][j] = sqrt(rest) if i == j else rest / low[j][j]
    forward = []
    for i in range(n):
        forward.append((right[i] - fsum(low[i][k] * forward[k] for k in range(i))) / low[i][i])
    x = [0.0] * n
    for i in reversed(range(n)):
        x[i] = (forward[i] - fsum(low[k][i] * x[k] for k in range(i + 1, n))) / low[i][i]
    return x


def main(ridge, paths):
    rows = list(read(paths))
    delays = [float(row["dep_delay"]) for row in rows]
    intercept = fsum(delays) / len(delays)
    scales, columns = [], []
    for name in FEATURES:
        values = [float(row[name]) if row[name] else None for row in rows]
        mean, deviation = scaling(values)
        scales.append((mean, deviation))
        columns.append([0.0 if value is None else (value - mean) / deviation for value in values])

    residual = [delay - intercept for delay in delays]
    normal = [[fsum(a * b for a, b in zip(one, two)) for two in columns] for one in columns]
    for i in range(len(FEATURES)):
        normal[i][i] += ridge
    weights = solve(normal, [fsum(a * b for a, b in zip(column, residual)) for column in columns])

    def short(value):
        return float(f"{value:.12g}")

    model = {
        "intercept": short(intercept),
        "features": [
            {"name": name, "mean": short(mean), "deviation": short(deviation), "weight": short(weight)}
            for name, (mean, deviation), weight in zip(FEATURES, scales, weights)
        ],
        "rows": len(rows),
    }
    json.dump(model, sys.stdout, indent=2, sort_keys=True)
    print()


main(float(sys.argv[1]), sys.argv[2:])
