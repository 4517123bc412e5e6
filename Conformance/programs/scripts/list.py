"""Prints the scripts of an installed package, as a JSON object by name: files in Lua, and strings of its modules and classes that call the server.

    list.py PACKAGE [MODULE ...]
"""
import glob
import importlib
import json
import os
import sys


def strings(holder, name):
    """The scripts among the attributes of a module or class, and of the classes in a module."""
    for attribute, held in vars(holder).items():
        if isinstance(held, str) and "redis.call" in held:
            yield name + "." + attribute, held
        elif isinstance(held, type) and held.__module__ == getattr(holder, "__name__", None):
            yield from strings(held, name + "." + attribute)


found = {}
package = importlib.import_module(sys.argv[1])
for path in glob.glob(os.path.join(os.path.dirname(package.__file__), "**", "*.lua"), recursive=True):
    with open(path, encoding="utf-8") as file:
        found[os.path.basename(path)] = file.read()
for name in sys.argv[2:]:
    found.update(strings(importlib.import_module(name), name))
json.dump(found, sys.stdout)
