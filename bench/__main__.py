"""Every benchmark, one after the other, as markdown: ``python -m bench [--quick] [--only NAME …]``."""

import argparse
import subprocess
import sys
from collections.abc import Mapping

from bench._common import ROOT

QUICK: Mapping[str, tuple[str, ...]] = {
    "importing": ("--quick",),
    "features": ("--quick",),
    "ingest": ("--quick",),
    "dask": ("--quick",),
    "neighbours": ("--quick",),
    "embedding": ("--quick",),
    "advice": ("--quick",),
    "annotation": ("--quick",),
    "sheets": ("--quick",),
    "map": ("--points", "30813", "--kinds", "clustered"),
    "web": ("--quick",),
}
"""Benchmark → how it is asked for its short form."""


def main() -> int:
    """Run them, each in a process of its own; 1 where one has failed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, side by side with the usual tools.")
    parser.add_argument("--quick", action="store_true", help="small data, minutes instead of an hour")
    parser.add_argument(
        "--only", nargs="+", choices=list(QUICK), default=list(QUICK), metavar="NAME", help="these only"
    )
    options = parser.parse_args()
    failed = []
    for name in options.only:
        print(f"\n## {name}\n", flush=True)
        arguments = QUICK[name] if options.quick else ()
        if subprocess.run([sys.executable, "-m", f"bench.{name}", *arguments], cwd=ROOT, check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nNot measured, see above: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
