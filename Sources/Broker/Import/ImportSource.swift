// ImportSource.swift: which files to read, in which order.
//
// Redis 7 keeps its append-only log in a folder with a manifest, a line for each file:
//
//     file appendonly.aof.1.base.rdb seq 1 type b      the state that the others begin from
//     file appendonly.aof.1.incr.aof seq 1 type i      commands, in order
//     file appendonly.aof.0.incr.aof seq 0 type h      history, to be deleted

import RESP

struct ImportSource {
  private static let manifestSizeMax = 1 << 20

  /// Paths in the order of reading; the last one may be cut short.
  let paths: [String]

  /// - Parameter path: an RDB or append-only file, a manifest, or the folder that has one.
  init(_ disk: any Disk, _ path: String) throws(ImportError) {
    var path = path
    while path.utf8.count > 1, path.hasSuffix("/") { path.removeLast() }
    guard let names = try? Folder(disk: disk, path: path).list() else {
      paths = path.hasSuffix(".manifest") ? try Self.files(disk, of: path) : [path]
      return
    }
    let manifests = names.filter { $0.hasSuffix(".manifest") }
    guard manifests.count == 1 else {
      throw .source(
        path: path,
        reason: manifests.isEmpty
          ? "is a folder without a .manifest, as Redis' appendonlydir has one"
          : "has several manifests: name one of them")
    }
    paths = try Self.files(disk, of: "\(path)/\(manifests[0])")
  }

  /// The files of a manifest.
  private static func files(_ disk: any Disk, of path: String) throws(ImportError) -> [String] {
    var input = try ImportInput(disk, path)
    guard input.size <= manifestSizeMax else { throw .source(path: path, reason: "is too large") }
    let text = try input.take(input.size).text
    let folder = Folder(disk: disk, path: Folder.parent(of: path))
    var base: [String] = [], increments: [String] = [], last: Int64 = 0
    for (index, line) in text.split(separator: "\n").enumerated() where !line.hasPrefix("#") {
      guard let entry = Entry(line) else {
        throw .source(path: path, reason: "has a line \(index + 1) that cannot be read")
      }
      switch entry.type {
      case "b" where base.isEmpty: base.append(folder.path(of: entry.name))
      case "i" where entry.sequence > last:
        last = entry.sequence
        increments.append(folder.path(of: entry.name))
      case "h": break
      default: throw .source(path: path, reason: "has a line \(index + 1) out of order")
      }
    }
    guard !(base + increments).isEmpty else { throw .source(path: path, reason: "names no file") }
    return base + increments
  }

  /// A line of a manifest.
  private struct Entry {
    var name = "", sequence: Int64 = 0, type = ""

    init?(_ line: Substring) {
      var bytes = ByteBuffer()
      bytes.append(String(line))
      guard let parts = Words.split(bytes.view), parts.count % 2 == 0 else { return nil }
      let words = parts.map { String(decoding: $0, as: UTF8.self) }
      for index in stride(from: 0, to: words.count, by: 2) {
        switch words[index] {
        case "file": name = words[index + 1]
        case "seq": sequence = Int64(words[index + 1]) ?? 0
        case "type": type = words[index + 1]
        default: break  // Others may come with later versions, as in Redis.
        }
      }
      guard !name.isEmpty, !name.contains("/"), sequence > 0, !type.isEmpty else { return nil }
    }
  }
}
