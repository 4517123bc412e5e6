"""A data folder of the broker: what its manifest lists, what is left over in it, how much room it takes."""
import os

MANIFEST, LOCK = "MANIFEST", "LOCK"
CHECKPOINT, SEGMENT = ".checkpoint", ".log"


def listed(directory):
    """The sequence that the checkpoint ends with (0 without one), and the files that the manifest lists, checkpoint first."""
    sequence, names = 0, []
    with open(os.path.join(directory, MANIFEST)) as file:
        for line in file:
            words = line.split()
            if words[0] == "checkpoint":
                sequence = int(words[2])
            if words[0] in ("checkpoint", "segment", "next"):
                names.append(words[1])
    return sequence, names


def firsts(directory):
    """The first command of each segment that has been begun, by name, in their order."""
    with open(os.path.join(directory, MANIFEST)) as file:
        return {words[1]: int(words[2]) for words in map(str.split, file) if words[0] == "segment"}


def unlisted(directory):
    """Files that the manifest does not list."""
    return sorted(set(os.listdir(directory)) - set(listed(directory)[1]) - {MANIFEST, LOCK})


def leftovers(directory):
    """Files that nobody needs: those not listed, and segments of which the checkpoint has everything."""
    sequence, _ = listed(directory)
    segments = list(firsts(directory).items())
    covered = [name for (name, _), (_, after) in zip(segments, segments[1:]) if after <= sequence + 1]
    return unlisted(directory) + covered


def room(directory):
    """Bytes that the folder's files take on the disk, or say that they have: the larger of the two."""
    total = 0
    for entry in os.scandir(directory):
        try:
            state = entry.stat()
            total += max(state.st_size, state.st_blocks * 512)
        except FileNotFoundError:
            pass  # Removed just now.
    return total
