"""The other side of faults/faults.c: what is to fail in a server while it runs, and the record of what it changed on disk."""
import errno
import mmap
import os
import re
import struct
import subprocess
from collections import namedtuple

from lib.setup import CACHE, HERE

SOURCE = os.path.join(HERE, "faults", "faults.c")
LIBRARY = os.path.join(CACHE, "faults.so")

with open(SOURCE, encoding="utf-8") as _source:
    FIELDS = re.findall(r"^  int64_t (\w+);", re.search(r"struct control \{(.*?)\};", _source.read(), re.S).group(1), re.M)


def build():
    """Compiles the library where it is missing or older than its source; returns its path."""
    if not os.path.exists(LIBRARY) or os.path.getmtime(LIBRARY) < os.path.getmtime(SOURCE):
        os.makedirs(CACHE, exist_ok=True)
        fresh = "%s.%d" % (LIBRARY, os.getpid())
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", fresh, SOURCE], check=True)
        os.replace(fresh, LIBRARY)
    return LIBRARY


class Faults:
    """Faults for the servers that are started with `environment`; `folder` is where their data lies.

    Fields are those of `struct control`. Used as `with faults(sync_errno=errno.EIO):`, they are taken back at the end.
    """

    def __init__(self, folder, record=None):
        self.record = record
        path = folder.rstrip("/") + ".faults"
        with open(path, "w+b") as file:
            file.truncate(mmap.PAGESIZE)
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.environment = {"LD_PRELOAD": build(), "FAULTS_CONTROL": path, "FAULTS_FOLDER": folder}
        if record:
            self.environment["FAULTS_RECORD"] = record

    def set(self, **fields):
        for name, value in fields.items():
            struct.pack_into("<q", self.page, 8 * FIELDS.index(name), value)

    def clear(self):
        self.set(**dict.fromkeys(FIELDS, 0))

    @property
    def hits(self):
        """How many calls have failed, been cut short or delayed since the last `clear` or `with`."""
        return struct.unpack_from("<q", self.page, 8 * FIELDS.index("hits"))[0]

    def __call__(self, **fields):
        self.clear()
        self.set(**fields)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()


# Everything that a full disk refuses.
FULL = {"write_errno": errno.ENOSPC, "allocate_errno": errno.ENOSPC}

# Kinds of entries, numbered as `enum kind`.
OPENED, WROTE, CUT, RENAMED, REMOVED, MADE_FOLDER, SYNC_BEGAN, SYNCED, CAME, SENT = range(1, 11)
Entry = namedtuple("Entry", "kind descriptor number time data")
HEADER = struct.Struct("<iiqqq")


def read_record(path):
    """The entries of a record, in order; one that a kill cut short is left out."""
    with open(path, "rb") as file:
        data = file.read()
    entries, offset = [], 0
    while offset + HEADER.size <= len(data):
        kind, descriptor, number, time, size = HEADER.unpack_from(data, offset)
        offset += HEADER.size
        if offset + size > len(data):
            break
        entries.append(Entry(kind, descriptor, number, time, data[offset:offset + size]))
        offset += size
    return entries
