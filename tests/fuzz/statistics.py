# SPDX-License-Identifier: Apache-2.0
"""Reads libFuzzer's log of one target, and prints the table of scripts/fuzz.

statistics.py TARGET FAILED LOG     JSON about one run; FAILED is 0 or 1
statistics.py --head                the table's first line
statistics.py --line FILE           one line of it
statistics.py --total FOLDER [OUT]  the last line; with OUT all as JSON there; fails if a target did
"""
import json
import pathlib
import re
import sys

COLUMNS = [("executions", 12), ("per_second", 12), ("coverage", 10), ("features", 10), ("corpus", 8),
           ("peak_mib", 10)]


def last(pattern, log):
    found = re.findall(pattern, log)
    return int(found[-1]) if found else 0


def read(target, failed, log):
    return {"target": target, "passed": failed == "0",
            "executions": last(r"stat::number_of_executed_units:\s*(\d+)", log),
            "per_second": last(r"stat::average_exec_per_sec:\s*(\d+)", log),
            "coverage_at_start": int(next(iter(re.findall(r"INITED cov: (\d+)", log)), 0)),
            "coverage": last(r"\bcov: (\d+)", log), "features": last(r"\bft: (\d+)", log),
            "corpus": last(r"\bcorp: (\d+)", log), "peak_mib": last(r"stat::peak_rss_mb:\s*(\d+)", log)}


def line(row):
    numbers = "".join(f"{row[name]:>{width}}" for name, width in COLUMNS)
    return f"{row['target']:<46}{numbers}  {'passed' if row['passed'] else 'FAILED'}"


def total(folder, output):
    rows = [json.loads(path.read_text()) for path in sorted(pathlib.Path(folder).glob("*.json"))]
    if output:
        pathlib.Path(output).write_text(json.dumps(rows, indent=1) + "\n")
    failed = sum(not row["passed"] for row in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed or not rows else 0


def main(arguments):
    match arguments:
        case ["--head"]:
            print(f"{'target':<46}" + "".join(f"{name:>{width}}" for name, width in COLUMNS))
        case ["--line", path]:
            print(line(json.loads(pathlib.Path(path).read_text())))
        case ["--total", folder, *output]:
            return total(folder, output[0] if output else "")
        case [target, failed, path]:
            print(json.dumps(read(target, failed, pathlib.Path(path).read_text(errors="replace"))))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
