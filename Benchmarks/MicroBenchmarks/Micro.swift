// Micro.swift: `martlet-benchmark micro`: what one operation of the broker's parts costs, in
// nanoseconds and, where valgrind is installed, in instructions.
//
// Seconds lie on a machine that others use; the count of instructions is the same again. Both are the
// difference of two runs, so that what it takes to begin is not in them.

import Broker
import Glibc

public enum Micro {
  /// - Parameter arguments: those behind `micro`.
  /// - Returns: the exit code.
  public static func main(_ arguments: [String]) -> Int32 {
    if arguments.first == "--run" { return run(arguments.dropFirst()) }
    var words: [String] = [], countsInstructions = true
    for argument in arguments {
      switch argument {
      case "--no-valgrind": countsInstructions = false
      case "--help", "-h":
        print(help)
        return 0
      case _ where argument.hasPrefix("-"): return complain("no option named \(argument)")
      default: words.append(argument)
      }
    }
    let pieces = Workpiece.all.filter { piece in
      words.isEmpty || words.contains { "\(piece.room) \(piece.name)".contains($0) }
    }
    guard !pieces.isEmpty else {
      return complain("nothing is named so; without a name all are run")
    }
    let counter = countsInstructions ? InstructionCounter() : nil
    if countsInstructions, counter == nil {
      print("valgrind is not installed: instructions are not counted")
    }
    print("nanoseconds".padded(to: 60) + "instructions".padded(to: 15))
    for piece in pieces { show(piece, counter) }
    return 0
  }

  private static let help = """
    martlet-benchmark micro [--no-valgrind] [WORD ...]

    Measures parts of the broker alone: those whose room or name has one of the words, or all.
    """

  private static func show(_ piece: Workpiece, _ counter: InstructionCounter?) {
    let time = Stopwatch.nanoseconds(piece)
    let instructions = counter?.perOperation(piece).map { "\(Int($0.rounded()))" } ?? "-"
    let label = piece.room.leftAligned(to: 12) + piece.name.leftAligned(to: 46)
    print(label + time.padded(to: 2) + instructions.padded(to: 15))
    fflush(nil)
  }

  /// `--run NAME COUNT`, for valgrind: does it, and says nothing.
  private static func run(_ arguments: ArraySlice<String>) -> Int32 {
    guard arguments.count == 2, let name = arguments.first, let count = Int(arguments.last ?? ""),
      let piece = Workpiece.all.first(where: { $0.name == name })
    else { return complain("--run takes a name and a count") }
    piece.run(count)
    return 0
  }

  private static func complain(_ text: String) -> Int32 {
    print("martlet-benchmark micro: \(text)")
    return 2
  }
}

extension String {
  func padded(to width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }

  func leftAligned(to width: Int) -> String {
    self + String(repeating: " ", count: max(1, width - count))
  }
}
