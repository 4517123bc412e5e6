// SettingsAtRuntime.swift: CONFIG GET, SET and REWRITE as functions of settings and text.
//
// What a change needs done in the world (sockets, limits, log level) is the caller's: it sets a copy,
// does what `changed` names and keeps the copy when that went well. Error texts are Redis'.

import RESP

/// Why CONFIG SET took nothing.
enum SettingsError: Error, Equatable {
  case unknown(name: String)
  case failed(name: String, reason: String)

  /// The error reply, code included.
  var reply: String {
    switch self {
    case .unknown(let name):
      "ERR Unknown option or number of arguments for CONFIG SET - '\(Self.line(name))'"
    case .failed(let name, let reason):
      "ERR CONFIG SET failed (possibly related to argument '\(Self.line(name))') - \(reason)"
    }
  }

  private static func line(_ name: String) -> String {
    let line = String(name.unicodeScalars.map { $0 == "\r" || $0 == "\n" ? " " : Character($0) })
    return line.utf8.count <= 128 ? line : line.prefix(125) + "..."
  }
}

extension Settings {
  /// Names and values of the directives that any of `patterns` matches, each name once.
  ///
  /// A name without `*`, `?` and `[` is looked up, and given back in the letters of the asker; a
  /// pattern is matched with every name and alias in turn, case ignored.
  func matching(_ patterns: [ByteView]) -> [(name: String, value: String)] {
    var found: [(name: String, value: String)] = []
    var seen: Set<String> = []
    for pattern in patterns {
      guard Glob.isPattern(pattern) else {
        let name = pattern.text
        guard let directive = Directive.named(name), directive.isListed else { continue }
        if seen.insert(name).inserted { found.append((name, directive.read(self))) }
        continue
      }
      for directive in Directive.all where directive.isListed {
        for var name in [directive.name] + (directive.alias.map { [$0] } ?? []) {
          guard name.withView({ Glob.matches(pattern, $0, ignoringCase: true) }),
            seen.insert(name).inserted
          else { continue }
          found.append((name, directive.read(self)))
        }
      }
    }
    return found
  }

  /// Sets all of `pairs`, or throws and changes nothing.
  ///
  /// - Parameter mayChangeProtected: whether `enable-protected-configs` allows it to this client.
  /// - Returns: the names of the directives whose value is another now, in the order of the pairs.
  mutating func set(
    _ pairs: [(name: ByteView, value: ByteView)], mayChangeProtected: Bool = false
  ) throws(SettingsError) -> [String] {
    var directives: [Directive] = []
    for pair in pairs {
      let name = pair.name.text
      guard let directive = Directive.named(name), directive.isListed else {
        throw .unknown(name: name)
      }
      if directive.change == .atStart {
        throw .failed(name: name, reason: "can't set immutable config")
      }
      if directive.change == .protected, !mayChangeProtected {
        throw .failed(name: name, reason: "can't set protected config")
      }
      if directives.contains(where: { $0.name == directive.name }) {
        throw .failed(name: name, reason: "duplicate parameter")
      }
      directives.append(directive)
    }

    var changed: [String] = []
    var copy = self
    for (directive, pair) in zip(directives, pairs) {
      let before = directive.read(copy)
      do {
        let text = try SettingsReader.text(pair.value.array)
        let words = directive.takesWords ? try SettingsReader.cut(text) : [text]
        try directive.write(&copy, words)
        guard directive.read(copy) != before else { continue }
        if directive.change == .afterRestart {
          throw Refusal("can't change while running, restart with the new value")
        }
        changed.append(directive.name)
      } catch let refusal as Refusal {
        let name = pair.name.text.lowercased()
        throw .failed(name: name, reason: refusal.reason)
      } catch {
        throw .failed(name: directive.name, reason: "\(error)")
      }
    }
    self = copy
    return changed
  }

  /// The file's new text after CONFIG REWRITE.
  ///
  /// Lines whose directive still has the value they give stay as they are, comments too; the first
  /// line of one that has another value gets it, its further lines go; what no line had and is not
  /// the default is appended under a heading. Lines that can't be read become comments.
  ///
  /// - Parameter users: the lines of the users, each `user name rule ...`, when they live in the file
  ///   of options; nil when they live in their own.
  func rewritten(_ old: ByteView, users: [String]?) -> String {
    var lines: [String?] = []
    var places: [String: [Int]] = [:]
    for (_, line) in SettingsReader.lines(of: old) {
      lines.append(line.text)
      guard !line.isEmpty, line[0] != UInt8(ascii: "#") else { continue }
      guard let words = Words.split(line), let name = words.first,
        let directive = Directive.named(String(decoding: name, as: UTF8.self))
      else {
        lines[lines.count - 1] = "# ??? \(line.text)"
        continue
      }
      places[directive.name, default: []].append(lines.count - 1)
    }

    var appended: [String] = []
    func put(_ new: [String], over old: [Int]) {
      for (index, line) in zip(old, new) { lines[index] = line }
      for index in old.dropFirst(new.count) { lines[index] = nil }
      appended += new.dropFirst(old.count)
    }
    for directive in Directive.all {
      let old = places[directive.name] ?? []
      guard directive.name != "user" else {
        put(users ?? [], over: old)
        continue
      }
      let value = directive.read(self)
      var reader = SettingsReader()
      for index in old {
        let words = Words.split(lines[index] ?? "") ?? []
        try? reader.apply(words.first ?? [], Array(words.dropFirst()), place: "")
      }
      guard directive.read(reader.settings) != value else { continue }
      put(directive.line(self).map { ["\(directive.name) \($0)"] } ?? [], over: old)
    }
    var kept = lines.compactMap { $0 }
    if !appended.isEmpty, !kept.contains(Self.rewriteHeading) {
      if kept.last?.isEmpty == false { kept.append("") }
      kept.append(Self.rewriteHeading)
    }

    var text = ""
    var isAfterEmpty = false
    for line in kept + appended where !(line.isEmpty && isAfterEmpty) {
      text += line + "\n"
      isAfterEmpty = line.isEmpty
    }
    return text
  }

  private static let rewriteHeading = "# Generated by CONFIG REWRITE"
}
