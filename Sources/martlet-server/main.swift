// main.swift: options in, the broker's exit code out.

import Broker
import Glibc

exit(Martlet.main(Array(CommandLine.arguments.dropFirst())))
