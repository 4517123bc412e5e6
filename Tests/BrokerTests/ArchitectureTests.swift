// ArchitectureTests.swift: what the rooms of the broker may know of each other.
//
// The compiler sees one module, so that the hot path is optimised as a whole; that nothing points
// upwards is checked here instead. A mention is a word outside of comments and of text.

import Glibc
import Testing

@Suite struct ArchitectureTests {
  /// The rooms, and those whose types each may mention besides its own.
  static let rooms: [String: Set<String>] = {
    var rooms: [String: Set<String>] = [:]
    rooms["Structures"] = []
    rooms["Settings"] = []
    rooms["Keyspace"] = ["Structures"]
    rooms["Jobs"] = ["Structures", "Keyspace"]
    rooms["Blocking"] = ["Structures", "Keyspace"]
    rooms["AccessControl"] = ["Structures", "Settings"]
    rooms["PubSub"] = ["Structures"]
    rooms["RDB"] = ["Structures"]
    rooms["Commands"] = [
      "Structures", "Settings", "Keyspace", "Jobs", "Blocking", "PubSub", "RDB", "AccessControl",
    ]
    rooms["Scripting"] = rooms["Commands"]!.union(["Commands"])
    rooms["Engine"] = rooms["Scripting"]!.union(["Scripting"])
    rooms["Machine"] = ["Settings"]
    rooms["Log"] = ["Structures", "Machine"]
    rooms["Connections"] = rooms["Engine"]!.union(["Engine", "Machine"])
    rooms["Import"] = rooms["Engine"]!.union(["Engine", "Machine", "Log"])
    rooms["Server"] = rooms["Connections"]!.union(["Connections", "Log", "Import"])
    // Nobody else mentions it.
    rooms["Workbench"] = rooms["Engine"]!.union(["Engine", "Log"])
    return rooms
  }()

  /// Goal: rooms mention only what is below them. Method: collect the types that the files of each room
  /// declare at the top, then look for their names in the files of the others.
  @Test func roomsPointDownwards() throws {
    var home: [String: String] = [:]
    for source in sources { for type in source.declared { home[type] = source.room } }
    #expect(home.count > 100)
    for source in sources {
      let allowed = try #require(Self.rooms[source.room], "\(source.path) is in no known room")
      for word in source.words {
        guard let other = home[word], other != source.room, !allowed.contains(other) else {
          continue
        }
        Issue.record("\(source.path) mentions \(word), which lives in \(other)")
      }
    }
  }

  /// Goal: from the engine down all is a function, and the disk of the log can be simulated. Method:
  /// look at the imports. What else imports the C library takes memory and text functions from it.
  @Test func theSystemIsCalledFromMachineAlone() {
    let harmless: [String: Set<String>] = [
      "Structures/Block.swift": ["Glibc", "CLinux"],  // malloc_usable_size
      "Structures/ChunkRegions.swift": ["Glibc"], "Structures/List.swift": ["Glibc"],
      "Structures/ListChunk.swift": ["Glibc"],
      "Structures/GeoArea.swift": ["Glibc"], "Structures/GeoReach.swift": ["Glibc"],  // sin, cos
      "Keyspace/Entry.swift": ["Glibc"],
      "Settings/IPAddress.swift": ["Glibc"],  // inet_pton
      "Log/CRC32C.swift": ["CLinux"],  // an instruction of the processor
    ]
    for source in sources where source.room != "Machine" && source.room != "Server" {
      let system = source.imports.intersection(["Glibc", "CLinux"])
        .subtracting(harmless[source.path] ?? [])
      #expect(system.isEmpty, "\(source.path) imports \(system.sorted())")
    }
  }

  // MARK: Reading the sources

  struct Source {
    let path: String
    var room: String { String(path.prefix { $0 != "/" }) }
    /// The types that it declares at the top.
    var declared: [String] = []
    var imports: Set<String> = []
    var words: Set<String> = []
  }

  let sources: [Source] = {
    let root = #filePath.components(before: "/Tests/") + "/Sources/Broker"
    return files(root).map { path in
      scan(text(path), path: String(path.dropFirst(root.utf8.count + 1)))
    }
  }()

  private static func scan(_ text: [UInt8], path: String) -> Source {
    var source = Source(path: path)
    var nested: Set<String> = []
    let kinds: Set = ["struct", "class", "enum", "protocol", "typealias"]
    var isInText = false
    for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true) {
      if line.count(where: { $0 == UInt8(ascii: "\"") }) == 3 { isInText.toggle() }
      guard !isInText else { continue }
      let words = words(of: line)
      source.words.formUnion(words)
      if words.first == "import" { source.imports.formUnion(words.dropFirst()) }
      guard let kind = words.firstIndex(where: { kinds.contains($0) }), kind + 1 < words.count,
        !words.contains("extension")
      else { continue }
      let isTop =
        line.first != UInt8(ascii: " ") && !words.contains("fileprivate")
        && !words.contains("private")
      if isTop { source.declared.append(words[kind + 1]) } else { nested.insert(words[kind + 1]) }
    }
    // Its own types hide those of the same name elsewhere.
    source.words.subtract(nested)
    return source
  }

  /// The words of a line outside of its comment and its texts. Names behind a dot are members, and
  /// members are not types of the room that calls them.
  private static func words(of line: ArraySlice<UInt8>) -> [String] {
    var words: [String] = []
    var start = line.startIndex
    var isInText = false
    var before = UInt8(ascii: " ")
    for index in line.indices {
      let byte = line[index]
      let isInWord = !isInText && isPartOfName(byte)
      if !isInWord || index == line.endIndex - 1 {
        let end = isInWord ? index + 1 : index
        let isMember = start > line.startIndex && line[start - 1] == UInt8(ascii: ".")
        if start < end, !isMember {
          words.append(String(decoding: line[start..<end], as: UTF8.self))
        }
        start = index + 1
      }
      if byte == UInt8(ascii: "\""), before != UInt8(ascii: "\\") { isInText.toggle() }
      if !isInText, byte == UInt8(ascii: "/"), before == byte { break }
      before = byte
    }
    return words
  }

  private static func isPartOfName(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || byte == UInt8(ascii: "_")
  }

  private static func files(_ folder: String) -> [String] {
    guard let stream = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(stream) }
    var paths: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.hasPrefix(".") { continue }
      let path = "\(folder)/\(name)"
      if name.hasSuffix(".swift") { paths.append(path) } else { paths += files(path) }
    }
    return paths
  }

  private static func text(_ path: String) -> [UInt8] {
    guard let file = unsafe fopen(path, "r") else { return [] }
    defer { unsafe fclose(file) }
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe fread(&piece, 1, piece.count, file)
      if count == 0 { return text }
      text += piece[..<count]
    }
  }
}

extension String {
  fileprivate func components(before part: String) -> String {
    var rest = self[...]
    while !rest.isEmpty, !rest.hasPrefix(part) { rest.removeFirst() }
    return String(prefix(count - rest.count))
  }
}
