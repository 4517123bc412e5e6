"""The schedule that RQ's cron reads for rq_jobs.py."""
from rq import cron

from rq_jobs import tick

cron.register(tick, "work", interval=1)
