"""Makes this example's data from IBM's Telco customer churn file: every fifth customer, split into tables, for three days.

    python3 slice.py Telco-Customer-Churn.csv

The file is a single picture without dates or tickets. It is taken as the state of 2024-01-01; the two days after it are derived:
the n-th customer of the sample has a monthly anniversary on day 1 + n % 30, which adds a month to the tenure and a month's charge to
the total; on 2024-01-03 every hundredth customer with internet who had no tech support has it.
"""

import csv
import sys
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).resolve().parent
TABLES = {
    "customers": ["customerID", "gender", "SeniorCitizen", "Partner", "Dependents", "tenure"],
    "billing": ["customerID", "Contract", "PaperlessBilling", "PaymentMethod", "MonthlyCharges", "TotalCharges"],
    "support": ["customerID", "InternetService", "OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport"],
}


def write(path, columns, customers):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(customers)


def next_day(customers, day):
    for number, customer in enumerate(customers):
        if 1 + number % 30 == day:
            customer["tenure"] = int(customer["tenure"]) + 1
            customer["TotalCharges"] = Decimal(customer["TotalCharges"].strip() or "0") + Decimal(customer["MonthlyCharges"])
            customer["TotalCharges"] = str(customer["TotalCharges"])
        if day == 3 and number % 100 == 0 and customer["TechSupport"] == "No":
            customer["TechSupport"] = "Yes"


def main(source):
    with open(source, newline="", encoding="utf-8") as file:
        customers = list(csv.DictReader(file))[::5]
    for day in (1, 2, 3):
        if day > 1:
            next_day(customers, day)
        for name, columns in TABLES.items():
            write(HERE / f"data/{name}/2024-01-0{day}.csv", columns, customers)
    write(HERE / "data/outcomes.csv", ["customerID", "Churn"], customers)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
