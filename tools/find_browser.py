"""Find Chromium for the browser tests, or install it, or say in one sentence what to do. Prints the path."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find() -> str | None:
    """The browser named by EOBENCH_CHROMIUM, or the first one on the PATH."""
    named = os.environ.get("EOBENCH_CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


def install() -> None:
    """By Debian's package where we may; else by Playwright's own download."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], check=False, **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium", "fonts-dejavu-core"], check=False, **quiet)


def main() -> int:
    """0 and the path, or 1 and a sentence."""
    if find() is None:
        install()
    browser = find()
    if browser is None:
        print(
            "The browser tests need Chromium. Install it (Debian: apt-get install chromium) or set EOBENCH_CHROMIUM "
            "to a Chromium or Chrome, then try again.",
            file=sys.stderr,
        )
        return 1
    print(browser)
    return 0


if __name__ == "__main__":
    sys.exit(main())
