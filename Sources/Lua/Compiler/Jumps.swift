// Jumps.swift: jumps whose target is not known yet are kept as lists that run through the jumps
// themselves: until it is patched, a jump's distance leads to the next one of its list.

extension FunctionBuilder {
  /// The end of a list; as a distance it would be a jump to itself, which no code has.
  static let noJump = -1

  /// The list of one jump, to where the caller will say.
  func emitJump() -> Int {
    let pending = pendingJumps
    pendingJumps = Self.noJump
    var jump = emit(Instruction(.jump, 0, 0, Self.noJump))
    // Who waits to get here can just as well go where this goes.
    concatenate(&jump, pending)
    return jump
  }

  /// A jump to an earlier instruction. Whoever waits to get here goes through it: a jump back counts against the
  /// budget, a test does not.
  func emitJumpBack(to start: Int) {
    dischargePendingJumps()
    patch(emit(Instruction(.jump, 0, 0, Self.noJump)), to: start)
  }

  /// Marks this place as a jump's target.
  func label() -> Int {
    lastTarget = code.count
    return code.count
  }

  private func target(of jump: Int) -> Int {
    let distance = code[jump].c
    return distance == Self.noJump ? Self.noJump : jump + 1 + distance
  }

  private func setTarget(of jump: Int, to target: Int) { code[jump].c = target - (jump + 1) }

  /// Adds a list to a list. Their order means nothing, so the shorter one goes first: only that one is walked.
  func concatenate(_ list: inout Int, _ other: Int) {
    guard other != Self.noJump else { return }
    guard list != Self.noJump else {
      list = other
      return
    }
    var (first, second) = (list, other)
    while true {
      let (afterFirst, afterSecond) = (target(of: first), target(of: second))
      if afterFirst == Self.noJump { return setTarget(of: first, to: other) }
      if afterSecond == Self.noJump {
        setTarget(of: second, to: list)
        list = other
        return
      }
      (first, second) = (afterFirst, afterSecond)
    }
  }

  /// Lets all of `list` jump to `target`.
  func patch(_ list: Int, to target: Int) {
    if target == code.count {
      patchToHere(list)
    } else {
      patch(list, to: target, register: Instruction.noRegister, otherwise: target)
    }
  }

  func patchToHere(_ list: Int) {
    _ = label()
    concatenate(&pendingJumps, list)
  }

  func dischargePendingJumps() {
    guard pendingJumps != Self.noJump else { return }
    let list = pendingJumps
    pendingJumps = Self.noJump
    patch(list, to: code.count, register: Instruction.noRegister, otherwise: code.count)
  }

  /// Lets those of `list` that carry a value put it into `register` and jump to `target`, all others jump to
  /// `otherwise`.
  func patch(_ list: Int, to target: Int, register: Int, otherwise: Int) {
    var jump = list
    while jump != Self.noJump {
      let next = self.target(of: jump)
      let carries = setTestRegister(of: jump, to: register)
      setTarget(of: jump, to: carries ? target : otherwise)
      jump = next
    }
  }

  /// Some jump of `list` carries no value.
  func needsValue(_ list: Int) -> Bool {
    var jump = list
    while jump != Self.noJump {
      if code[jump].operation != .testSet { return true }
      jump = target(of: jump)
    }
    return false
  }

  /// Nobody wants the values that `list` carries.
  func removeValues(_ list: Int) {
    var jump = list
    while jump != Self.noJump {
      _ = setTestRegister(of: jump, to: Instruction.noRegister)
      jump = target(of: jump)
    }
  }

  private func setTestRegister(of jump: Int, to register: Int) -> Bool {
    guard code[jump].operation == .testSet else { return false }
    if register != Instruction.noRegister && register != code[jump].operand {
      code[jump].a = register
    } else {
      // The value is there already, or not wanted.
      code[jump].operation = .test
    }
    return true
  }
}
