"""What a power cut leaves on disk: images of a folder at any point of the record of its changes.

A disk keeps what was synced: a file's bytes once a sync of the file has ended that began after they were written, a name once a sync of its folder
has. Everything else may be there or not: each write is kept, dropped, cut short or torn into sectors, each new, changed or removed name kept or dropped.
"""
import os

from lib import faults

SECTOR = 512


class Node:
    """A file or a folder: `durable` is what no power cut takes, `pending` the changes since, each with its number."""

    def __init__(self, durable):
        self.durable, self.pending, self.count = durable, [], 0

    def change(self, *change):
        self.count += 1
        self.pending.append((self.count, change))

    def sync(self, count):
        """Makes the first `count` changes durable."""
        kept = [change for number, change in self.pending if number <= count]
        self.pending = self.pending[len(kept):]
        for change in kept:
            self.apply(self.durable, change)

    def now(self):
        """All changes applied: what the running system sees."""
        content = self.durable.copy()
        for _, change in self.pending:
            self.apply(content, change)
        return content

    def after_cut(self, random):
        """One of the contents that a power cut may leave."""
        content, changes = self.durable.copy(), [change for _, change in self.pending]
        mood, upto = random.random(), random.randrange(len(changes) + 1)
        for index, change in enumerate(changes):
            if mood < 0.15:
                break  # Nothing arrived.
            if mood < 0.3 or (mood < 0.5 and index < upto):
                self.apply(content, change)  # All arrived, or all up to some point,
            elif mood < 0.5:
                self.apply_partly(content, change, random)  # of which the next one is half there.
                break
            elif random.random() < 0.4:
                self.apply(content, change)  # Or each went its own way.
            elif random.random() < 0.7:
                self.apply_partly(content, change, random)
        return content


class File(Node):
    """Changes are (offset, bytes) for a write and (size,) for a cut."""

    def __init__(self, content=b""):
        super().__init__(bytearray(content))

    @staticmethod
    def apply(content, change):
        if len(change) == 1:
            del content[change[0]:]
        offset = change[0]
        if len(content) < offset:
            content.extend(bytes(offset - len(content)))
        if len(change) == 2:
            content[offset:offset + len(change[1])] = change[1]

    def apply_partly(self, content, change, random):
        if len(change) == 1:
            return
        offset, data = change
        if random.random() < 0.4:
            self.apply(content, (offset, data[:random.randrange(len(data) + 1)]))
            return
        if random.random() < 0.5:  # The size arrived before the bytes.
            self.apply(content, (max(len(content), offset + len(data)),))
        start = offset
        while start < offset + len(data):
            end = min(start - start % SECTOR + SECTOR, offset + len(data))
            if random.random() < 0.5:
                self.apply(content, (start, data[start - offset:end - offset]))
            start = end


class Folder(Node):
    """Changes are (name, None) for a removal, (name, node) for a new name, (name, node, old name) for a rename."""

    def __init__(self):
        super().__init__({})

    @staticmethod
    def apply(names, change):
        name, node = change[:2]
        if len(change) == 3 and names.get(change[2]) is node:
            del names[change[2]]
        names.pop(name, None)
        if node:
            names[name] = node

    def apply_partly(self, names, change, random):
        """A change of names is whole or not there."""


class Disk:
    """The files under `path`, as they are now and from then on as a record changes them."""

    def __init__(self, path):
        self.path, self.open, self.syncs = path, {}, {}
        self.root = self.read(path)

    def read(self, path):
        """What is there now is durable."""
        if not os.path.isdir(path):
            with open(path, "rb") as file:
                return File(file.read())
        folder = Folder()
        for name in os.listdir(path):
            folder.durable[name] = self.read(os.path.join(path, name))
        return folder

    def find(self, path):
        """The folder of a path and the name in it."""
        *folders, name = os.path.relpath(os.fsdecode(path), self.path).split("/")
        folder = self.root
        for each in folders:
            folder = folder.now()[each]
        return folder, name

    def step(self, entry):
        kind, file = entry.kind, self.open.get(entry.descriptor)
        if kind == faults.OPENED:
            self.opened(entry)
        elif kind == faults.WROTE:
            file.change(entry.number, entry.data)
        elif kind == faults.CUT:
            file.change(entry.number)
        elif kind == faults.RENAMED:
            (folder, old), (target, new) = map(self.find, entry.data.split(b"\0"))
            assert folder is target, "renamed from one folder to another"
            folder.change(new, folder.now()[old], old)
        elif kind == faults.REMOVED:
            folder, name = self.find(entry.data)
            folder.change(name, None)
        elif kind == faults.MADE_FOLDER:
            folder, name = self.find(entry.data)
            folder.change(name, Folder())
        elif kind == faults.SYNC_BEGAN:
            self.syncs[entry.descriptor, entry.number] = file, file.count
        elif kind == faults.SYNCED:
            file, count = self.syncs.pop((entry.descriptor, entry.number))
            file.sync(count)

    def opened(self, entry):
        folder, name = self.find(entry.data)
        node = self.root if name == "." else folder.now().get(name)
        if node is None:
            node = File()
            folder.change(name, node)
        elif entry.number & os.O_TRUNC and node.now():
            node.change(0)
        self.open[entry.descriptor] = node

    def write(self, path, random=None, node=None):
        """Writes the folder to `path`: as it is now, or as a power cut at this moment may leave it."""
        node = node or self.root
        content = node.after_cut(random) if random else node.now()
        if isinstance(node, File):
            with open(path, "wb") as file:
                file.write(content)
            return
        os.mkdir(path)
        for name, each in content.items():
            self.write(os.path.join(path, name), random, each)
