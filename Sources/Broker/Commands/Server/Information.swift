// Information.swift: INFO: what its sections are and in which order they come.
//
// The lines of each section are in InformationSections.swift. What only the process knows is asked of
// the host by section; lines that stand at a known place (`hosted`) come there, the rest at the end.

import RESP

enum InformationSection: String, CaseIterable {
  case server, clients, memory, persistence, stats, replication, cpu, modules, commandstats
  case errorstats, latencystats, cluster, keyspace

  var title: String {
    self == .cpu ? "CPU" : rawValue.prefix(1).uppercased() + rawValue.dropFirst()
  }

  /// Shown by INFO without a section.
  var isDefault: Bool { self != .commandstats && self != .latencystats }

  /// What the host calls it; nil when the engine knows all of it.
  var hostName: StaticString? {
    switch self {
    case .server: "server"
    case .clients: "clients"
    case .memory: "memory"
    case .persistence: "persistence"
    case .stats: "stats"
    case .replication: "replication"
    case .cpu: "cpu"
    case .modules, .commandstats, .errorstats, .latencystats, .cluster, .keyspace: nil
    }
  }
}

extension ServerCommands {
  /// `INFO [section ...]` → text: `# Section`, then `name:value` lines. Sections that there are not
  /// are left out; `default`, `all` and `everything` stand for several.
  static func info(_ c: inout Context) throws(CommandError) {
    var wanted = Set<InformationSection>()
    for index in 1..<max(1, c.arguments.count) {
      let name = c.arguments[index].text.lowercased()
      switch name {
      case "default": wanted.formUnion(InformationSection.allCases.filter(\.isDefault))
      case "all", "everything": wanted.formUnion(InformationSection.allCases)
      case "module_list": wanted.insert(.modules)
      default: InformationSection(rawValue: name).map { _ = wanted.insert($0) }
      }
    }
    if c.arguments.count == 1 {
      wanted.formUnion(InformationSection.allCases.filter(\.isDefault))
    }
    var writer = InformationWriter()
    for section in InformationSection.allCases where wanted.contains(section) {
      writer.begin(section, host: section.hostName.map(c.host.information) ?? [])
      c.write(section, to: &writer)
      writer.end()
    }
    if wanted.contains(.keyspace) { c.seeEverything() }
    c.reply.verbatim(writer.text)
  }
}

/// The text of INFO in the making.
struct InformationWriter {
  private(set) var text = ""
  private var hosted: [(name: String, value: String)] = []

  mutating func begin(_ section: InformationSection, host: [(name: String, value: String)]) {
    if !text.isEmpty { text += "\r\n" }
    text += "# \(section.title)\r\n"
    hosted = host
  }

  mutating func line(_ name: String, _ value: some CustomStringConvertible) {
    text += "\(name):\(value)\r\n"
  }

  mutating func line(_ name: String, _ value: Bool) { line(name, value ? 1 : 0) }

  /// A line that the host knows; `fallback` where it does not.
  mutating func hosted(_ name: String, _ fallback: String = "0") {
    let index = hosted.firstIndex { $0.name == name }
    line(name, index.map { hosted.remove(at: $0).value } ?? fallback)
  }

  /// The value that the host gives for a line which is written otherwise.
  mutating func take(_ name: String) -> String? {
    hosted.firstIndex { $0.name == name }.map { hosted.remove(at: $0).value }
  }

  /// Writes what the host told and nothing asked for.
  mutating func end() {
    for (name, value) in hosted { line(name, value) }
    hosted = []
  }
}

/// `value` with `places` digits behind the point.
func decimal(_ value: Double, places: Int) -> String {
  guard value.isFinite, abs(value) < 1e15 else { return "0" }
  var unit = 1.0
  for _ in 0..<places { unit *= 10 }
  let scaled = Int((abs(value) * unit).rounded())
  let whole = scaled / Int(unit), rest = String(scaled % Int(unit))
  let zeros = String(repeating: "0", count: places - min(places, rest.utf8.count))
  return (value < 0 && scaled > 0 ? "-" : "") + "\(whole)." + zeros + rest
}
