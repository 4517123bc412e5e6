// InstructionCounter.swift: instructions of one operation, counted by valgrind.

import Broker
import Glibc

/// Runs this program again under cachegrind, which counts the instructions of all of a run.
struct InstructionCounter {
  private let program: String

  /// - Returns: nil when valgrind is not installed.
  init?() {
    guard Self.output(of: "command -v valgrind")?.isEmpty == false else { return nil }
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let size = unsafe bytes.withUnsafeMutableBytes {
      unsafe readlink("/proc/self/exe", $0.baseAddress!, $0.count)
    }
    guard size > 0 else { return nil }
    program = String(decoding: bytes[..<size], as: UTF8.self)
  }

  /// The difference of two runs by the difference of their counts.
  func perOperation(_ piece: Workpiece) -> Double? {
    let count = 4096
    guard let less = instructions(piece, count), let more = instructions(piece, 2 * count) else {
      return nil
    }
    return Double(more - less) / Double(count)
  }

  private func instructions(_ piece: Workpiece, _ count: Int) -> Int? {
    let text = Self.output(
      of: "valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null "
        + "'\(program)' micro --run '\(piece.name)' \(count) 2>&1")
    // ==123== I refs:        1,234,567
    guard let line = text?.split(separator: "\n").first(where: { $0.contains("refs:") }) else {
      return nil
    }
    return Int(line.split(separator: ":").last?.filter(\.isNumber) ?? "")
  }

  private static func output(of command: String) -> String? {
    guard let stream = unsafe popen(command, "r") else { return nil }
    var text: [UInt8] = [], piece = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe fread(&piece, 1, piece.count, stream)
      if count == 0 { break }
      text += piece[..<count]
    }
    return unsafe pclose(stream) == 0 ? String(decoding: text, as: UTF8.self) : nil
  }
}
