// Options.swift: what the command line asks for.

/// A server as it was named: by its place, or by the command that starts one for this run.
enum ServerChoice: Equatable, Sendable {
  case address(ServerAddress)
  case command(String)
}

/// One dimension of a sweep: an option, and the values that it takes one after another.
struct SweepAxis: Equatable, Sendable {
  let name: String
  let values: [String]

  /// The options that a sweep may go over.
  static let names = ["pipeline", "clients", "size", "workers", "producers", "rate", "threads"]
}

struct Options: Equatable, Sendable {
  /// In the order of the command line; the first one is compared with the others.
  var servers: [ServerChoice] = []
  /// Whether the only servers named are such as something is to be compared with.
  var wantsSubject = false
  var workloads: [String] = []
  var parameters = Parameters()
  var load = Load()
  var bodyFile: String?
  var isCompressible = false
  var rounds = 3
  /// Seconds that each server is warmed up for before a workload's first round.
  var warmUp = 0.5
  var sweep: [SweepAxis] = []
  var printsJSON = false, printsCSV = false
  var htmlPath: String?
  var isQuiet = false
  var action = Action.measure

  enum Action: Equatable, Sendable { case measure, help, version, list }

  /// Whether nothing was said about what to measure: then a short look is taken.
  var isQuickLook: Bool { workloads.isEmpty && sweep.isEmpty }

  struct Mistake: Error, Equatable { let message: String }

  init() {}

  /// - Throws: what is wrong with the first argument that is, in one sentence.
  init(_ arguments: [String]) throws(Mistake) {
    var reader = ArgumentReader(arguments)
    while let argument = reader.next() {
      if argument == "--" {
        parameters.command = reader.rest()
        guard (try? Template([parameters.command])) != nil else {
          throw Mistake(message: "no command, or one that can't be sent, stands behind --")
        }
        workloads.append("command")
      } else if argument.hasPrefix("-"), argument != "-" {
        try take(argument, &reader)
      } else if Catalogue.all.contains(where: { $0.name == argument }) {
        workloads.append(argument)
      } else {
        throw Mistake(message: "no workload named \(argument): --list shows which there are")
      }
    }
    if wantsSubject, servers.count > 1 { wantsSubject = false }
    if load.threads == 0 { throw Mistake(message: "--threads takes a number from 1") }
  }

  private mutating func take(
    _ name: String, _ reader: inout ArgumentReader
  ) throws(Mistake) {
    switch name {
    case "--server", "-s": servers.append(.address(try reader.address(name)))
    case "--versus":
      if servers.isEmpty { wantsSubject = true }
      servers.append(.address(try reader.address(name)))
    case "--start":
      if servers.isEmpty { wantsSubject = true }
      servers.append(.command(try reader.value(name)))
    case "--clients", "-c", "--pipeline", "-P", "--threads", "--size", "-d", "--workers",
      "--producers", "--rate":
      let long =
        ["-c": "clients", "-P": "pipeline", "-d": "size"][name] ?? String(name.dropFirst(2))
      try set(long, reader.value(name))
    case "--duration": load.duration = try reader.number(name, 0.1...86_400)
    case "--requests", "-n": load.count = try reader.integer(name, 1...(1 << 40))
    case "--rounds": rounds = try reader.integer(name, 1...1000)
    case "--warm-up": warmUp = try reader.number(name, 0...3600)
    case "--keyspace", "-r": parameters.keyspace = try reader.integer(name, 1...999_999_999_999)
    case "--backlog": parameters.backlog = try reader.integer(name, 0...(1 << 40))
    case "--delay": parameters.delay = try reader.integer(name, 1...86_400_000)
    case "--poll": parameters.poll = try reader.integer(name, 0...60_000)
    case "--window": parameters.window = try reader.integer(name, 1...(1 << 30))
    case "--seed": load.seed = UInt64(try reader.integer(name, 0...Int.max))
    case "--body-file": bodyFile = try reader.value(name)
    case "--compressible": isCompressible = true
    case "--sweep": sweep.append(try axis(reader.value(name)))
    case "--json": printsJSON = true
    case "--csv": printsCSV = true
    case "--html": htmlPath = try reader.value(name)
    case "--quiet", "-q": isQuiet = true
    case "--help", "-h": action = .help
    case "--version": action = .version
    case "--list": action = .list
    default: throw Mistake(message: "no option named \(name): --help shows which there are")
    }
  }

  /// Sets an option that a sweep may go over.
  mutating func set(_ name: String, _ text: String) throws(Mistake) {
    func integer(_ range: ClosedRange<Int>) throws(Mistake) -> Int {
      guard let number = Int(text), range ~= number else {
        throw Mistake(
          message: "--\(name) takes a number from \(range.lowerBound) to \(range.upperBound)")
      }
      return number
    }
    switch name {
    case "pipeline": parameters.pipeline = try integer(1...100_000)
    case "clients": parameters.clients = try integer(1...100_000)
    case "workers": parameters.workers = try integer(1...100_000)
    case "producers": parameters.producers = try integer(1...100_000)
    case "threads": load.threads = try integer(1...1024)
    case "size": parameters.sizes = try Self.sizes(text)
    case "rate":
      guard let rate = Double(text), rate > 0, rate <= 1e9 else {
        throw Mistake(message: "--rate takes requests a second, above 0")
      }
      load.rate = rate
    default: preconditionFailure("no axis named \(name)")
    }
  }

  /// `100`, or `16-1000` for all sizes between.
  private static func sizes(_ text: String) throws(Mistake) -> Bodies.Sizes {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    if parts.count == 1, let size = parts[0], 0...Bodies.sizeMax ~= size { return .fixed(size) }
    if parts.count == 2, let low = parts[0], let high = parts[1], 0 <= low, low <= high,
      high <= Bodies.sizeMax
    {
      return .range(low...high)
    }
    throw Mistake(message: "--size takes bytes, as 100, or a range, as 16-1000")
  }

  private func axis(_ text: String) throws(Mistake) -> SweepAxis {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, SweepAxis.names.contains(String(parts[0])) else {
      throw Mistake(
        message: "--sweep takes NAME=VALUE,VALUE,... of "
          + SweepAxis.names.joined(separator: ", "))
    }
    let axis = SweepAxis(
      name: String(parts[0]), values: parts[1].split(separator: ",").map { String($0) })
    var trial = self
    for value in axis.values { try trial.set(axis.name, value) }
    return axis
  }
}

/// Goes through the arguments, and reads values of options.
private struct ArgumentReader {
  private var left: ArraySlice<String>
  /// What stood behind the = of the last option.
  private var attached: String?

  init(_ arguments: [String]) { left = arguments[...] }

  /// The next argument, of `--name=value` the name.
  mutating func next() -> String? {
    guard let argument = left.popFirst() else { return nil }
    attached = nil
    if argument.hasPrefix("--"), let place = argument.firstIndex(of: "=") {
      attached = String(argument[argument.index(after: place)...])
      return String(argument[..<place])
    }
    return argument
  }

  mutating func rest() -> [String] {
    defer { left = [] }
    return Array(left)
  }

  mutating func value(_ name: String) throws(Options.Mistake) -> String {
    if let attached { return attached }
    guard let value = left.popFirst() else {
      throw Options.Mistake(message: "\(name) takes a value")
    }
    return value
  }

  mutating func integer(
    _ name: String, _ range: ClosedRange<Int>
  ) throws(Options.Mistake) -> Int {
    guard let number = Int(try value(name)), range ~= number else {
      throw Options.Mistake(
        message: "\(name) takes a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  mutating func number(
    _ name: String, _ range: ClosedRange<Double>
  ) throws(Options.Mistake) -> Double {
    guard let number = Double(try value(name)), range ~= number else {
      throw Options.Mistake(
        message: "\(name) takes a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  mutating func address(_ name: String) throws(Options.Mistake) -> ServerAddress {
    let text = try value(name)
    guard let address = ServerAddress(text) else {
      throw Options.Mistake(
        message: "\(name) takes redis://[user:password@]host[:port][/database] or unix:///path")
    }
    return address
  }
}
