// Options.swift: what the command line of `lua-runner` says.

struct Options {
  static let usage = """
    usage: lua-runner [--collect-every N] [--memory MB] [--seconds N] [--compile N] FILE
      --collect-every N  collects garbage at every Nth safe point, at each with 1
      --memory MB        lets the program use so much memory (1024)
      --seconds N        ends the program after N seconds of processor time
      --compile N        compiles FILE N times instead of running it

    """
  private static let memoryMax = 1 << 20

  /// 0: garbage is collected when that is due.
  private(set) var collectionInterval = 0
  /// MiB.
  private(set) var memory = 1024
  private(set) var seconds: Int?
  private(set) var compilations = 0
  private(set) var file = ""

  /// The options of `arguments`, nil if they make no sense.
  init?(_ arguments: some Sequence<String>) {
    var rest = Array(Array(arguments).reversed())
    func number() -> Int? { rest.popLast().flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } }
    while let argument = rest.popLast() {
      switch argument {
      case "--collect-every":
        guard let value = number() else { return nil }
        collectionInterval = value
      case "--memory":
        guard let value = number(), value <= Self.memoryMax else { return nil }
        memory = value
      case "--seconds":
        guard let value = number() else { return nil }
        seconds = value
      case "--compile":
        guard let value = number() else { return nil }
        compilations = value
      default:
        guard file.isEmpty, !argument.hasPrefix("--") else { return nil }
        file = argument
      }
    }
    guard !file.isEmpty else { return nil }
  }
}
