"""Make the project's virtual environment; plain enough for any Python, so that a wrong one gets a clear line.

usage: make_venv.py VENV STAMP EXTRAS

Wheels are kept in a folder (UNBRAID_WHEELS, by default ~/.cache/unbraid/wheels), so that it works again without a
network. One line on stderr and exit status 2 where Python is too old or there is no room on the disk.
"""

import os
import shutil
import subprocess
import sys

OLDEST, TOO_NEW = (3, 11), (3, 14)
NEEDED_GB = float(os.environ.get("UNBRAID_NEEDED_GB", "6"))
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WHEELS = os.environ.get("UNBRAID_WHEELS") or os.path.join(os.path.expanduser("~"), ".cache", "unbraid", "wheels")
BUILD_TOOLS = ["setuptools", "wheel"]


def stop(line):
    sys.stderr.write("unbraid: " + line + "\n")
    sys.exit(2)


def check():
    version = sys.version_info[:2]
    if not OLDEST <= version < TOO_NEW:
        stop(
            "Python %d.%d at %s won't do: 3.11, 3.12 or 3.13 is needed; name one with make PYTHON=python3.12"
            % (version + (sys.executable,))
        )
    free_gb = shutil.disk_usage(ROOT).free / 1e9
    if free_gb < NEEDED_GB:
        stop("%.1f GB free at %s, and %g GB are needed; make room, or move the checkout" % (free_gb, ROOT, NEEDED_GB))


def pip(venv, arguments, **how):
    command = [os.path.join(venv, "bin", "python"), "-m", "pip", "--disable-pip-version-check", "-q"]
    return subprocess.run(command + arguments, cwd=ROOT, check=False, **how).returncode == 0


def install(venv, target):
    """From the kept wheels alone where they suffice, else download what is missing and then from them."""
    constraints = ["-c", "constraints.txt"]
    from_wheels = ["install", "--no-index", "--find-links", WHEELS] + constraints
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def all_of_it(**how):
        tools = pip(venv, from_wheels + BUILD_TOOLS, **how)
        return tools and pip(venv, from_wheels + ["--no-build-isolation", "-e", target], **how)

    if os.path.isdir(WHEELS) and all_of_it(**quiet):
        return
    os.makedirs(WHEELS, exist_ok=True)
    fetch = ["download", "-d", WHEELS, "--find-links", WHEELS, "--prefer-binary"] + constraints
    if not (pip(venv, fetch + BUILD_TOOLS) and pip(venv, fetch + [target])):
        stop("the packages could not be fetched (pip says why above); try again with a network")
    if not all_of_it():
        stop("the packages could not be installed from %s (pip says why above); delete it and try again" % WHEELS)


def main():
    venv, stamp, extras = sys.argv[1:]
    check()
    if not os.path.exists(os.path.join(venv, "bin", "python")):
        sys.stderr.write("making %s ...\n" % venv)
        if subprocess.run([sys.executable, "-m", "venv", venv], check=False).returncode:
            stop("python -m venv failed; on Debian or Ubuntu: apt-get install python3-venv")
    sys.stderr.write("installing packages (minutes the first time) ...\n")
    install(venv, ".[%s]" % extras if extras else ".")
    with open(stamp, "w") as file:
        file.write("%s\n" % extras)


if __name__ == "__main__":
    main()
