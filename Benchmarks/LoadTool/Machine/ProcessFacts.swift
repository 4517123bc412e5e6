// ProcessFacts.swift: what /proc says of a server's process, and of this machine.

import CLinux
import Glibc

enum ProcessFacts {
  /// Seconds of processor time that a process has used, all its threads together; nil when it is not
  /// of this machine.
  static func processorSeconds(_ id: Int) -> Double? {
    guard let text = TextFile.read("/proc/\(id)/stat"), let end = text.lastIndex(of: ")") else {
      return nil
    }
    // Behind the name, which may have blanks: state is field 3, utime 14 and stime 15.
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
      return nil
    }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// Bytes of a process that are in RAM.
  static func residentSize(_ id: Int) -> Int? {
    guard let text = TextFile.read("/proc/\(id)/statm") else { return nil }
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// `Linux 6.1.0 x86_64, 2 processors (AMD EPYC 7763), 24 GB`.
  static var machine: String {
    var name = utsname()
    _ = unsafe uname(&name)
    func text<T>(_ field: T) -> String {
      unsafe withUnsafeBytes(of: field) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
    }
    let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    let memory =
      Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE))) / 1e9
    let model = TextFile.read("/proc/cpuinfo")?.split(separator: "\n")
      .first { $0.hasPrefix("model name") }?.split(separator: ":").last
      .map { String($0.drop { $0 == " " }) }
    return "\(text(name.sysname)) \(text(name.release)) \(text(name.machine)), \(processors) "
      + "processors\(model.map { " (\($0))" } ?? ""), \(Int(memory.rounded())) GB"
  }

  /// Processors that can run our threads.
  static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

/// Whole files as text.
enum TextFile {
  /// - Returns: nil when it can't be read.
  static func read(_ path: String) -> String? {
    bytes(path).map { String(decoding: $0, as: UTF8.self) }
  }

  static func bytes(_ path: String) -> [UInt8]? {
    guard let file = unsafe fopen(path, "r") else { return nil }
    defer { unsafe fclose(file) }
    var content: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe fread(&piece, 1, piece.count, file)
      if count == 0 { return unsafe ferror(file) == 0 ? content : nil }
      content += piece[..<count]
    }
  }

  /// - Returns: false when not all of it could be written; the reason is in errno.
  static func write(_ text: String, to path: String) -> Bool {
    guard let file = unsafe fopen(path, "w") else { return false }
    var text = text
    let whole = text.withUTF8 { bytes in
      unsafe fwrite(bytes.baseAddress, 1, bytes.count, file) == bytes.count
    }
    return unsafe fclose(file) == 0 && whole
  }
}
