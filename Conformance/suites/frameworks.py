"""Job frameworks do their work on the broker as they are.

Goal: frameworks that were made for Redis run unmodified with only the address changed, and keep what they promise: each job is done as often as promised
with the right result, one that fails is retried and then failed or dead, one with a delay does not come early, a periodic one comes again and again, and one
whose worker is killed with SIGKILL in mid-job is done by another where the framework says so.
Method: one program for each (programs/frameworks), with its newest version, on a server of its own: producer, workers and schedulers are processes; what
each framework has besides (dependencies, chords, flows, locks, priorities). Each condition is waited for, two frameworks at a time, since they mostly wait. All of it
passes on redis-server as well (--server redis). One that can't be had on this machine is skipped and named. Asynq, of Go, can't: a driver of ours (programs/asynq)
does on its keys what it does.
"""
import os
import sys
from typing import NamedTuple

from lib import programs, setup

TIME_LIMIT = 900
SECONDS = 240  # For one framework.
PROGRAMS = os.path.join(setup.HERE, "programs")


class Framework(NamedTuple):
    """A framework: its program, what pip puts into its folder, and Debian's packages."""

    title: str
    program: str
    python: tuple = ()
    debian: tuple = ()


FRAMEWORKS = [
    Framework("Celery", "celery_jobs.py", ("celery[redis]",)),
    Framework("arq", "arq_jobs.py", ("arq",)),
    Framework("RQ", "rq_jobs.py", ("rq", "redis")),
    Framework("Huey", "huey_jobs.py", ("huey", "redis")),
    Framework("BullMQ", "bullmq_jobs.py", ("bullmq",)),
    Framework("Sidekiq", "sidekiq_jobs.py", ("redis",), ("ruby", "ruby-sidekiq")),
    Framework("Dramatiq", "dramatiq_jobs.py", ("dramatiq[redis]",)),
    Framework("taskiq", "taskiq_jobs.py", ("taskiq-redis",)),
    Framework("Laravel", "laravel_jobs.php", debian=("php-cli", "php-redis", "php-illuminate-events", "php-illuminate-queue", "php-illuminate-redis")),
    Framework("Asynq", "asynq_jobs.py", ("redis",)),
    Framework("Messenger", "symfony_jobs.php", debian=("php-cli", "php-redis", "php-symfony-event-dispatcher", "php-symfony-messenger", "php-symfony-redis-messenger")),
]
COMMANDS = {".py": sys.executable, ".php": "php"}


def framework(run, title, program, command, environment):
    server = run.start()
    environment = dict(environment, MARTLET_PORT=str(server.port))
    programs.follow(run, title, [command, program], server, SECONDS, cwd=os.path.join(PROGRAMS, "frameworks"), env=environment)
    server.stop()


def run(run):
    setup.install_missing({package for framework in FRAMEWORKS for package in framework.debian})
    ready = []
    for title, program, python, debian in FRAMEWORKS:
        try:
            setup.need(*debian)
            folder = setup.install_packages("framework-" + os.path.splitext(program)[0], list(python)) if python else ""
        except setup.CannotBeHad as error:
            run.skip(title, str(error))
            continue
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join([folder, PROGRAMS]), PYTHONDONTWRITEBYTECODE="1")
        ready.append((title, program, COMMANDS[os.path.splitext(program)[1]], environment))
    run.together(framework, ready)
