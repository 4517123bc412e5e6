"""Job frameworks do their work on the broker as they are.

Goal: RQ, Celery, Huey, BullMQ for Python and Sidekiq, which keep their state in scripts, run unmodified with only the address changed. Method: one
program for each (programs/frameworks), with its newest version (Sidekiq: Debian's), on a server of its own: producer and worker are processes; jobs are
done, fail, are retried and come later; what each framework has besides (dependencies, chords, locks, priorities). Each condition is waited
for. All of it passes on redis-server as well (--server redis).
"""
import os
import subprocess
import sys

from lib import setup

TIME_LIMIT = 900
PROGRAMS = os.path.join(setup.HERE, "programs", "frameworks")
FRAMEWORKS = [("RQ", "rq_jobs", ["rq", "redis"]), ("Celery", "celery_jobs", ["celery[redis]"]), ("Huey", "huey_jobs", ["huey", "redis"]), ("BullMQ", "bullmq_jobs", ["bullmq"]),
              ("Sidekiq", "sidekiq_jobs", ["redis"])]


def framework(run, name, program, requirements):
    folder = setup.install_packages("framework-" + program, requirements)
    server = run.start()
    environment = dict(os.environ, PYTHONPATH=folder, PYTHONDONTWRITEBYTECODE="1", MARTLET_PORT=str(server.port))
    done = subprocess.run([sys.executable, program + ".py"], cwd=PROGRAMS, env=environment, capture_output=True, timeout=TIME_LIMIT)
    lines = done.stdout.decode(errors="replace").splitlines()
    for line in lines:
        outcome, _, check = line.partition(" ")
        if outcome == "pass":
            run.check("%s: %s" % (name, check), True)
        elif outcome == "fail":
            check, _, detail = check.partition(": ")
            run.check("%s: %s" % (name, check), False, detail)
    run.check(name + ": the program runs to its end", lines[-1:] == ["end"], done.stderr.decode(errors="replace")[-1500:])
    server.stop()


def run(run):
    setup.install_sidekiq()
    for name, program, requirements in FRAMEWORKS:
        run.note(name)
        run.part(framework, run, name, program, requirements)
