// Screen.swift: the terminal: the progress line, and what goes beside the report.

import CLinux
import Glibc

enum Screen {
  /// Characters of a line of standard output; 100 where it is no terminal.
  static var width: Int {
    var size = winsize()
    guard unsafe ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
    return Int(size.ws_col)
  }

  /// Whether a progress line has somebody to look at it.
  static var isWatched: Bool { isatty(2) == 1 }

  /// A line to standard output.
  static func print(_ text: String) { write(text + "\n", to: 1) }

  /// A line to standard error.
  static func note(_ text: String) { write(text + "\n") }

  /// Writes the progress line anew.
  static func progress(_ text: String) { write("\r\u{1B}[K" + text.prefix(width - 1)) }

  static func endProgress() { write("\r\u{1B}[K") }

  private static func write(_ text: String, to descriptor: Int32 = 2) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let size = unsafe rest.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      guard size > 0 || errno == EINTR else { return }
      rest = rest.dropFirst(max(0, size))
    }
  }
}
