"""Invents this example's data: sales of three stores, and exchange rates of working days. The same numbers every time.

    python3 generate.py
"""

import csv
from datetime import date, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
DAYS = [date(2024, 3, 1) + timedelta(days=n) for n in range(7)]
PRODUCTS = {"tea": 4.5, "coffee": 6.0, "cocoa": 5.2, "mug": 12.9, "kettle": 48.0}
# Store: units of its currency for a euro, first day of business, whether prices have cents.
STORES = {"nyc": (1.08, date(2024, 3, 1), 2), "lon": (0.86, date(2024, 3, 3), 2), "tyo": (163.0, date(2024, 3, 5), 0)}
RATES = {"USD": 1.08, "GBP": 0.86, "JPY": 163.0}


def numbers(seed):
    """A linear congruential generator: the same numbers on every machine and with every Python."""
    while True:
        seed = (seed * 1103515245 + 12345) % 2**31
        yield seed >> 16


def write(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)


def main():
    for place, (store, (rate, opened, cents)) in enumerate(STORES.items()):
        for day in (day for day in DAYS if day >= opened):
            draw = numbers(1000 * place + day.day)
            sales = []
            for sale in range(1, 21 + next(draw) % 10):
                product = list(PRODUCTS)[next(draw) % len(PRODUCTS)]
                price = PRODUCTS[product] * rate * (0.9 + next(draw) % 21 / 100)
                sales.append([sale, product, 1 + next(draw) % 3, f"{price:.{cents}f}"])
            write(HERE / f"data/sales/{store}/{day}.csv", ["sale", "product", "quantity", "price"], sales)
    for day in (day for day in DAYS if day.weekday() < 5):
        draw = numbers(day.day)
        rates = [[currency, f"{rate * (0.99 + next(draw) % 21 / 1000):.4f}"] for currency, rate in RATES.items()]
        write(HERE / f"data/fx/{day}.csv", ["currency", "per_euro"], rates)


main()
