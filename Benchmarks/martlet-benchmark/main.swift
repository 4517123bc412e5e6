// main.swift: arguments in, the tool's exit code out.

import Glibc
import LoadTool

exit(Tool.main(Array(CommandLine.arguments.dropFirst())))
