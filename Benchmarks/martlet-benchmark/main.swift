// main.swift: arguments in, the tool's exit code out.

import Glibc
import LoadTool
import MicroBenchmarks

let arguments = Array(CommandLine.arguments.dropFirst())
exit(arguments.first == "micro" ? Micro.main(Array(arguments.dropFirst())) : Tool.main(arguments))
