// SettingsReader.swift: files of options and the words of the command line, into settings.
//
// A pure function of text: opening files is the caller's. The first option that is unknown or has a
// bad value ends the reading with one line that says where it stands and what is wrong.

import RESP

/// Why the broker does not start, as one line for people.
struct StartError: Error, Equatable, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

struct SettingsReader {
  private(set) var settings: Settings
  /// All words so far of the directives whose lines add up.
  private var collected: [String: [String]] = [:]

  init(_ settings: Settings = Settings()) { self.settings = settings }

  /// Reads a file's text; `path` is for the message alone.
  mutating func read(_ text: ByteView, path: String) throws(StartError) {
    for (number, line) in Self.lines(of: text) {
      let place = "\(path):\(number)"
      guard !line.isEmpty, line[0] != UInt8(ascii: "#") else { continue }
      guard let words = Words.split(line) else {
        throw StartError("\(place): unbalanced quotes")
      }
      guard let name = words.first else { continue }
      try apply(name, Array(words.dropFirst()), place: place)
    }
  }

  /// Puts `words` in as the value of the directive `name`.
  mutating func apply(_ name: [UInt8], _ words: [[UInt8]], place: String) throws(StartError) {
    let name = String(decoding: name, as: UTF8.self).lowercased()
    if let reason = Self.refused[name] { throw StartError("\(place): '\(name)' \(reason)") }
    guard let directive = Directive.named(name) else {
      var line = "\(place): unknown option '\(Self.short(name))'"
      if let near = Self.nearest(to: name) { line += ", did you mean '\(near)'?" }
      throw StartError(line)
    }
    do {
      var texts: [String] = []
      for word in words { texts.append(try Self.text(word)) }
      if texts.isEmpty { throw Refusal("wrong number of arguments") }
      if directive.takesWords, texts.count == 1, directive.name != "user" {
        texts = try Self.cut(texts[0])
      }
      if directive.accumulates, texts != [""] {
        texts = collected[directive.name, default: []] + texts
      }
      if directive.accumulates { collected[directive.name] = texts == [""] ? [] : texts }
      try directive.write(&settings, texts)
    } catch let refusal as Refusal {
      throw StartError("\(place): '\(name)': \(refusal.reason)")
    } catch {
      throw StartError("\(place): '\(name)': \(error)")
    }
  }

  /// What no single option shows: checked once all is read.
  func checked() throws(StartError) -> Settings {
    if !settings.aclFile.isEmpty, !settings.users.isEmpty {
      throw StartError(
        "options 'user' and 'aclfile' exclude each other: move the users to the file")
    }
    if settings.port == 0, settings.unixSocket.isEmpty {
      throw StartError("port is 0 and there is no unixsocket: nothing to listen on")
    }
    return settings
  }

  /// The trimmed lines of `text`, numbered from 1.
  static func lines(of text: ByteView) -> [(number: Int, line: ByteView)] {
    var lines: [(Int, ByteView)] = []
    var start = 0
    while start < text.count {
      let end = text.firstIndex(of: 0x0A, from: start) ?? text.count
      lines.append((lines.count + 1, trimmed(text[start..<end])))
      start = end + 1
    }
    return lines
  }

  static func trimmed(_ line: ByteView) -> ByteView {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 9 || byte == 10 || byte == 13 }
    var start = 0, end = line.count
    while start < end, isBlank(line[start]) { start += 1 }
    while end > start, isBlank(line[end - 1]) { end -= 1 }
    return line[start..<end]
  }

  /// One word that holds several, as in `--save "900 1"`.
  static func cut(_ word: String) throws(Refusal) -> [String] {
    guard !word.isEmpty else { return [""] }
    guard let words = Words.split(word) else { throw Refusal("unbalanced quotes") }
    return words.map { String(decoding: $0, as: UTF8.self) }
  }

  static func text(_ bytes: [UInt8]) throws(Refusal) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Refusal("argument is not UTF-8 text")
    }
    guard !bytes.contains(0) else { throw Refusal("argument has a zero byte") }
    return text
  }

  /// What redis.conf may have and would be a lie to take.
  static let refused: [String: String] = [
    "include": "is not supported: put all options into one file",
    "rename-command": "is not supported: take commands away with ACL rules",
    "loadmodule": "is not supported: there are no modules",
    "sentinel": "is not supported: there is no sentinel mode",
    "tls-port": "is not supported: put a TLS proxy in front",
    "syslog-enabled":
      "is not supported: log to standard error and let the service manager route it",
    "masterauth": "is not supported: there is no replication yet",
    "masteruser": "is not supported: there is no replication yet",
  ]

  /// The known name that takes the fewest edits from `name`, when that is a likely slip.
  static func nearest(to name: String) -> String? {
    let names = Directive.all.flatMap { [$0.name] + ($0.alias.map { [$0] } ?? []) }
    let ranked = names.map { (name: $0, distance: distance(Array(name.utf8), Array($0.utf8))) }
    guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
    if best.distance <= max(1, name.utf8.count / 3) { return best.name }
    guard name.utf8.count >= 4 else { return nil }
    return names.first { $0.hasPrefix(name) || $0.hasSuffix(name) }
  }

  /// Edits (insert, delete, replace, swap neighbours) between two names; Damerau's distance.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    guard a.count <= 64 else { return a.count }
    var rows = [Array(0...b.count)]
    for (i, x) in a.enumerated() {
      var row = [i + 1]
      for (j, y) in b.enumerated() {
        var fewest = min(rows[i][j] + (x == y ? 0 : 1), row[j] + 1, rows[i][j + 1] + 1)
        if i > 0, j > 0, x == b[j - 1], a[i - 1] == y {
          fewest = min(fewest, rows[i - 1][j - 1] + 1)
        }
        row.append(fewest)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }

  /// `text` for a line: at most 64 characters, without line breaks.
  static func short(_ text: String) -> String {
    let line = String(text.map { $0.isNewline || $0 == "\0" ? " " : $0 })
    return line.count <= 64 ? line : line.prefix(61) + "..."
  }
}
