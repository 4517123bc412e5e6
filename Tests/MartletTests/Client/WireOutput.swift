// WireOutput.swift: commands as they go over the wire.

import RESP

@testable import Martlet

struct WireOutput: ~Copyable {
  private var output = Reply()

  mutating func text(of command: Command) -> String {
    command.write(to: &output)
    defer { output.bytes.reset() }
    return output.bytes.view.text
  }
}
