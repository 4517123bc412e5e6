// Execute.swift: the loop that runs instructions.
//
// What it needs for each instruction is in local variables: the next instruction, the registers, the constants.
// Before anything that may fail, call or move the stack, the next instruction is noted in the frame
// (`frame[0].next = next`), for positions in messages; behind whatever may have moved the stacks,
// registers and frame are taken anew (`registers = …`).

extension Ref where Body == MachineBody {
  /// Runs the current Lua function of `thread`, and those that it calls, until the frame marked as entry
  /// returns. Its results are where its caller wants them.
  func execute(_ thread: Thread) throws(Failure) -> Outcome {
    enterFrame: while true {
      var frame = thread.body.frames + thread.body.frame
      let base = frame[0].base
      let closure = thread.body.stack[frame[0].function].closure
      let constants = closure.body.prototype.body.constants
      var registers = thread.body.stack + base
      var next = frame[0].next

      while true {
        let i = next[0]
        next = next + 1
        switch i.operation {

        // MARK: Values

        case .move: registers[i.a] = registers[i.b]
        case .constant: registers[i.a] = constants[i.c]
        case .boolean:
          registers[i.a] = Value(i.b != 0)
          next = next + i.c
        case .nils: registers.fill(i.a..<i.b &+ 1, with: .nil)
        case .getUpvalue: registers[i.a] = closure.upvalues[i.b].body.location[0]
        case .setUpvalue: closure.upvalues[i.b].body.location[0] = registers[i.a]
        case .getGlobal:
          let found = closure.body.environment.get(constants[i.c].string)
          if !found.isNil {
            registers[i.a] = found
          } else {
            frame[0].next = next
            let value = try get(Value(closure.body.environment), constants[i.c])
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            registers[i.a] = value
          }
        case .setGlobal:
          frame[0].next = next
          try set(Value(closure.body.environment), constants[i.c], registers[i.a])
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame

        // MARK: Tables

        case .newTable:
          frame[0].next = next
          registers[i.a] = Value(table(arrayCount: i.c, nodeCount: i.b))
          try safePoint()
        case .get:
          let (value, key) = (registers[i.b], registers[i.c])
          if value.isTable {
            if key.isNumber, let index = key.index,
              UInt(bitPattern: index &- 1) < UInt(bitPattern: value.table.body.arrayCount)
            {
              let found = value.table.body.array[index &- 1]
              if !found.isNil || value.table.body.metatable == nil {
                registers[i.a] = found
                continue
              }
            } else if key.isString {
              let found = value.table.get(key.string)
              if !found.isNil || value.table.body.metatable == nil {
                registers[i.a] = found
                continue
              }
            }
          }
          frame[0].next = next
          let found = try get(value, key)
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
          registers[i.a] = found
        case .getField:
          let value = registers[i.b]
          if value.isTable {
            let found = value.table.get(constants[i.c].string)
            if !found.isNil || value.table.body.metatable == nil {
              registers[i.a] = found
              continue
            }
          }
          frame[0].next = next
          let found = try get(value, constants[i.c])
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
          registers[i.a] = found
        case .getIndex:
          let value = registers[i.b]
          if value.isTable {
            let found = value.table.get(index: i.c)
            if !found.isNil || value.table.body.metatable == nil {
              registers[i.a] = found
              continue
            }
          }
          frame[0].next = next
          let found = try get(value, Value(i.c))
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
          registers[i.a] = found
        case .set:
          let (target, key) = (registers[i.a], registers[i.c])
          let value =
            i.b < Instruction.firstConstant
            ? registers[i.b] : constants[i.b &- Instruction.firstConstant]
          if target.isTable && !target.table.isReadOnly {
            let table = target.table
            if key.isNumber, let index = key.index,
              UInt(bitPattern: index &- 1) < UInt(bitPattern: table.body.arrayCount)
            {
              let place = table.body.array + (index &- 1)
              if !place[0].isNil || table.body.metatable == nil {
                place[0] = value
                continue
              }
            } else if key.isString, let place = table.location(of: key.string), !place[0].isNil {
              table.body.header.absent = 0
              place[0] = value
              continue
            }
          }
          frame[0].next = next
          try set(target, key, value)
          try safePoint()
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
        case .setField:
          let target = registers[i.a]
          let value =
            i.b < Instruction.firstConstant
            ? registers[i.b] : constants[i.b &- Instruction.firstConstant]
          if target.isTable && !target.table.isReadOnly,
            let place = target.table.location(of: constants[i.c].string), !place[0].isNil
          {
            target.table.body.header.absent = 0
            place[0] = value
            continue
          }
          frame[0].next = next
          try set(target, constants[i.c], value)
          try safePoint()
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
        case .setIndex:
          let target = registers[i.a]
          let value =
            i.b < Instruction.firstConstant
            ? registers[i.b] : constants[i.b &- Instruction.firstConstant]
          if target.isTable && !target.table.isReadOnly,
            UInt(bitPattern: i.c &- 1) < UInt(bitPattern: target.table.body.arrayCount)
          {
            let place = target.table.body.array + (i.c &- 1)
            if !place[0].isNil || target.table.body.metatable == nil {
              place[0] = value
              continue
            }
          }
          frame[0].next = next
          try set(target, Value(i.c), value)
          try safePoint()
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
        case .method:
          let value = registers[i.b]
          registers[i.a &+ 1] = value
          if value.isTable {
            let found = value.table.get(constants[i.c].string)
            if !found.isNil {
              registers[i.a] = found
              continue
            }
          }
          frame[0].next = next
          let found = try get(value, constants[i.c])
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
          registers[i.a] = found
        case .setList:
          frame[0].next = next
          let table = registers[i.a].table
          let count = i.b > 0 ? i.b : thread.body.top &- base &- i.a &- 1
          if i.c &+ count > table.body.arrayCount {
            try checkRoom((i.c &+ count) * MemoryLayout<Value>.stride)
            table.growArray(to: i.c &+ count, machine: self)
          }
          (table.body.array + i.c).copy(registers + (i.a &+ 1), count: count)
          try safePoint()

        // MARK: Operators

        case .add:
          let (x, y) = (registers[i.b], registers[i.c])
          if x.isNumber && y.isNumber {
            registers[i.a] = Value(x.number + y.number)
          } else {
            frame[0].next = next
            let result = try arithmetic(.add, x, y)
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            registers[i.a] = result
          }
        case .subtract:
          let (x, y) = (registers[i.b], registers[i.c])
          if x.isNumber && y.isNumber {
            registers[i.a] = Value(x.number - y.number)
          } else {
            frame[0].next = next
            let result = try arithmetic(.subtract, x, y)
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            registers[i.a] = result
          }
        case .multiply:
          let (x, y) = (registers[i.b], registers[i.c])
          if x.isNumber && y.isNumber {
            registers[i.a] = Value(x.number * y.number)
          } else {
            frame[0].next = next
            let result = try arithmetic(.multiply, x, y)
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            registers[i.a] = result
          }
        case .divide:
          let (x, y) = (registers[i.b], registers[i.c])
          if x.isNumber && y.isNumber {
            registers[i.a] = Value(x.number / y.number)
          } else {
            frame[0].next = next
            let result = try arithmetic(.divide, x, y)
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            registers[i.a] = result
          }
        case .modulo:
          let (x, y) = (registers[i.b], registers[i.c])
          if x.isNumber && y.isNumber {
            registers[i.a] = Value(Arithmetic.modulo(x.number, y.number))
          } else {
            frame[0].next = next
            let result = try arithmetic(.modulo, x, y)
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            registers[i.a] = result
          }
        case .power:
          frame[0].next = next
          let result = try arithmetic(.power, registers[i.b], registers[i.c])
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
          registers[i.a] = result
        case .addK:
          let x = registers[i.b]
          if x.isNumber {
            registers[i.a] = Value(x.number + constants[i.c].number)
          } else {
            frame[0].next = next
            let result = try arithmetic(.add, x, constants[i.c])
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            registers[i.a] = result
          }
        case .subtractK:
          let x = registers[i.b]
          if x.isNumber {
            registers[i.a] = Value(x.number - constants[i.c].number)
          } else {
            frame[0].next = next
            let result = try arithmetic(.subtract, x, constants[i.c])
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            registers[i.a] = result
          }
        case .multiplyK:
          let x = registers[i.b]
          if x.isNumber {
            registers[i.a] = Value(x.number * constants[i.c].number)
          } else {
            frame[0].next = next
            let result = try arithmetic(.multiply, x, constants[i.c])
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            registers[i.a] = result
          }
        case .divideK:
          let x = registers[i.b]
          if x.isNumber {
            registers[i.a] = Value(x.number / constants[i.c].number)
          } else {
            frame[0].next = next
            let result = try arithmetic(.divide, x, constants[i.c])
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            registers[i.a] = result
          }
        case .moduloK:
          let x = registers[i.b]
          if x.isNumber {
            registers[i.a] = Value(Arithmetic.modulo(x.number, constants[i.c].number))
          } else {
            frame[0].next = next
            let result = try arithmetic(.modulo, x, constants[i.c])
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            registers[i.a] = result
          }
        case .powerK:
          frame[0].next = next
          let result = try arithmetic(.power, registers[i.b], constants[i.c])
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
          registers[i.a] = result
        case .minus:
          let x = registers[i.b]
          if x.isNumber {
            registers[i.a] = Value(-x.number)
          } else {
            frame[0].next = next
            let result = try arithmetic(.minus, x, x)
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            registers[i.a] = result
          }
        case .not: registers[i.a] = Value(registers[i.b].isFalsy)
        case .length:
          let value = registers[i.b]
          if value.isTable {
            registers[i.a] = Value(value.table.length(self))
          } else {
            frame[0].next = next
            let result = try length(value)
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            registers[i.a] = result
          }
        case .concatenate:
          frame[0].next = next
          try concatenate(base: base, first: i.b, last: i.c)
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
          registers[i.a] = registers[i.b]
          try safePoint()

        // MARK: Jumps

        case .jump:
          if i.c < 0 {
            frame[0].next = next
            try step()
          }
          next = next + i.c
        case .equal:
          let (x, y) = (registers[i.a], registers[i.operand])
          var isEqual = Value.rawEqual(x, y)
          if !isEqual && x.isTable && y.isTable {
            frame[0].next = next
            isEqual = try equal(x, y)
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
          }
          if isEqual == i.sense { next = next + i.c }
        case .equalK:
          if Value.rawEqual(registers[i.a], constants[i.operand]) == i.sense { next = next + i.c }
        case .less:
          let (x, y) = (registers[i.a], registers[i.operand])
          if x.isNumber && y.isNumber {
            if (x.number < y.number) == i.sense { next = next + i.c }
          } else {
            frame[0].next = next
            let isLess = try less(x, y)
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            if isLess == i.sense { next = next + i.c }
          }
        case .lessK:
          let x = registers[i.a]
          if x.isNumber {
            if (x.number < constants[i.operand].number) == i.sense { next = next + i.c }
          } else {
            frame[0].next = next
            let isLess = try less(x, constants[i.operand])
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            if isLess == i.sense { next = next + i.c }
          }
        case .greaterK:
          let x = registers[i.a]
          if x.isNumber {
            if (x.number > constants[i.operand].number) == i.sense { next = next + i.c }
          } else {
            frame[0].next = next
            let isLess = try less(constants[i.operand], x)
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            if isLess == i.sense { next = next + i.c }
          }
        case .lessEqual:
          let (x, y) = (registers[i.a], registers[i.operand])
          if x.isNumber && y.isNumber {
            if (x.number <= y.number) == i.sense { next = next + i.c }
          } else {
            frame[0].next = next
            let isLess = try lessEqual(x, y)
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            if isLess == i.sense { next = next + i.c }
          }
        case .lessEqualK:
          let x = registers[i.a]
          if x.isNumber {
            if (x.number <= constants[i.operand].number) == i.sense { next = next + i.c }
          } else {
            frame[0].next = next
            let isLess = try lessEqual(x, constants[i.operand])
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            if isLess == i.sense { next = next + i.c }
          }
        case .greaterEqualK:
          let x = registers[i.a]
          if x.isNumber {
            if (x.number >= constants[i.operand].number) == i.sense { next = next + i.c }
          } else {
            frame[0].next = next
            let isLess = try lessEqual(constants[i.operand], x)
            registers = thread.body.stack + base
            frame = thread.body.frames + thread.body.frame
            if isLess == i.sense { next = next + i.c }
          }
        case .test: if registers[i.operand].isTruthy == i.sense { next = next + i.c }
        case .testSet:
          let value = registers[i.operand]
          if value.isTruthy == i.sense {
            registers[i.a] = value
            next = next + i.c
          }

        // MARK: Loops

        case .forPrepare:
          frame[0].next = next
          try prepareLoop(registers + i.a)
          next = next + i.c
        case .forLoop:
          let loop = registers + i.a
          let step = loop[2].number
          let index = loop[0].number + step
          if step > 0 ? index <= loop[1].number : loop[1].number <= index {
            body.steps &-= 1
            if body.steps < 0 {
              frame[0].next = next
              try askHook()
            }
            loop[0] = Value(index)
            loop[3] = Value(index)
            next = next + i.c
          }
        case .iterate:
          frame[0].next = next
          try iterate(thread, base &+ i.a, count: i.b)
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
        case .iterateLoop:
          let value = registers[i.a &+ 3]
          if !value.isNil {
            registers[i.a &+ 2] = value
            body.steps &-= 1
            if body.steps < 0 {
              frame[0].next = next
              try askHook()
            }
            next = next + i.c
          }

        // MARK: Functions

        case .call:
          let function = base &+ i.a
          if i.b != 0 { thread.body.top = function &+ i.b }
          frame[0].next = next
          try step()
          var value = registers[i.a]
          if !value.isFunction {
            try insertCallMetamethod(function)
            value = thread.body.stack[function]
          }
          if value.isClosure {
            try push(value.closure, function: function, wanted: i.c &- 1)
            continue enterFrame
          }
          if try callNative(value.native, function: function, wanted: i.c &- 1) < 0 {
            return .yielded
          }
          try safePoint()
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
        case .tailCall:
          let function = base &+ i.a
          if i.b != 0 { thread.body.top = function &+ i.b }
          frame[0].next = next
          try step()
          var value = registers[i.a]
          if !value.isFunction {
            try insertCallMetamethod(function)
            value = thread.body.stack[function]
          }
          if value.isClosure {
            try replaceFrame(thread, function)
            continue enterFrame
          }
          if try callNative(value.native, function: function, wanted: -1) < 0 { return .yielded }
          try safePoint()
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
        case .return:
          if closure.body.prototype.body.childCount > 0 { thread.closeUpvalues(from: base) }
          let function = frame[0].function
          let wanted = frame[0].wanted
          let isEntry = frame[0].isEntry
          let results = thread.body.stack + function
          thread.body.frame &-= 1
          if i.b == 2 && wanted == 1 {
            results[0] = registers[i.a]
            thread.body.top = function &+ 1
          } else {
            let count = i.b != 0 ? i.b &- 1 : thread.body.top &- base &- i.a
            let copied = wanted < 0 ? count : min(count, wanted)
            let source = registers + i.a
            var index = 0
            while index < copied {
              results[index] = source[index]
              index &+= 1
            }
            while index < wanted {
              results[index] = .nil
              index &+= 1
            }
            thread.body.top = function &+ (wanted < 0 ? count : wanted)
          }
          if isEntry { return .returned }
          continue enterFrame
        case .close: thread.closeUpvalues(from: base &+ i.a)
        case .closure:
          frame[0].next = next
          let child = closure.body.prototype.body.children[i.c]
          let new = self.closure(child, environment: closure.body.environment)
          for index in 0..<i.b {
            let source = next[0]
            next = next + 1
            new.upvalues[index] =
              source.operation == .move
              ? thread.upvalue(at: registers + source.b, machine: self) : closure.upvalues[source.b]
          }
          registers[i.a] = Value(new)
          try safePoint()
        case .variadic:
          frame[0].next = next
          try spreadArguments(
            thread, to: base &+ i.a, wanted: i.b &- 1,
            parameters: closure.body.prototype.body.parameterCount)
          registers = thread.body.stack + base
          frame = thread.body.frames + thread.body.frame
        }
      }
    }
  }

  /// Counts a jump back or a call.
  @inline(__always)
  private func step() throws(Failure) {
    body.steps &-= 1
    if body.steps < 0 { try askHook() }
  }

  /// Checks the three values of a numeric loop.
  @inline(never)
  private func prepareLoop(_ loop: Memory<Value>) throws(Failure) {
    guard let start = number(loop[0]) else { throw failure("'for' initial value must be a number") }
    guard let limit = number(loop[1]) else { throw failure("'for' limit must be a number") }
    guard let step = number(loop[2]) else { throw failure("'for' step must be a number") }
    loop[0] = Value(start - step)
    loop[1] = Value(limit)
    loop[2] = Value(step)
  }

  /// One step of a generic loop, whose three values are at `position`.
  @inline(never)
  private func iterate(_ thread: Thread, _ position: Int, count: Int) throws(Failure) {
    let stack = thread.body.stack
    let function = stack[position]
    if function.isFunction && !function.isClosure && stack[position + 1].isTable
      && body.nativeDepth < Limits.nativeDepthMax - 1
    {
      // The iterators of `pairs` and `ipairs` need no call, where a call would not be too deep.
      if function.native.body.function == NativeIndex.next {
        let (isKnown, entry) = stack[position + 1].table.next(
          after: stack[position + 2], machine: self)
        if isKnown {
          stack[position + 3] = entry?.key ?? .nil
          if count > 1 { stack[position + 4] = entry?.value ?? .nil }
          if count > 2 { stack.fill(position + 5..<position + 3 + count, with: .nil) }
          return
        }
      } else if function.native.body.function == NativeIndex.nextElement,
        stack[position + 2].isNumber
      {
        let index = stack[position + 2].number + 1
        let value = stack[position + 1].table.get(Value(index))
        stack[position + 3] = value.isNil ? .nil : Value(index)
        if count > 1 { stack[position + 4] = value }
        if count > 2 { stack.fill(position + 5..<position + 3 + count, with: .nil) }
        return
      }
    }
    try thread.ensure(8, above: position + 3, machine: self)
    let moved = thread.body.stack
    moved[position + 5] = moved[position + 2]
    moved[position + 4] = moved[position + 1]
    moved[position + 3] = moved[position]
    thread.body.top = position + 6
    try call(position + 3, wanted: count)
    try safePoint()
  }

  /// A tail call: the frame of the caller goes, that of the function at `function` takes its place.
  @inline(never)
  private func replaceFrame(_ thread: Thread, _ function: Int) throws(Failure) {
    let old = thread.body.frames[thread.body.frame]
    if thread.body.openUpvalues != nil { thread.closeUpvalues(from: old.base) }
    let count = thread.body.top - function
    try spend(count >> 3)
    let stack = thread.body.stack
    for index in 0..<count { stack[old.function + index] = stack[function + index] }
    thread.body.top = old.function + count
    thread.body.frame -= 1
    try push(stack[old.function].closure, function: old.function, wanted: old.wanted)
    let frame = thread.body.frames + thread.body.frame
    frame[0].isEntry = old.isEntry
    frame[0].tailCalls = old.tailCalls &+ 1
  }

  /// `...` into registers from `position` on.
  @inline(never)
  private func spreadArguments(
    _ thread: Thread, to position: Int, wanted: Int, parameters: Int
  ) throws(Failure) {
    let frame = thread.body.frames[thread.body.frame]
    let count = max(0, frame.base - frame.function - 1 - parameters)
    let copied = wanted < 0 ? count : min(count, wanted)
    try spend(copied >> 3)
    if wanted < 0 {
      try thread.ensure(count, above: position, machine: self)
      thread.body.top = position + count
    }
    let stack = thread.body.stack
    for index in 0..<copied { stack[position + index] = stack[frame.base - count + index] }
    if wanted > copied { stack.fill(position + copied..<position + wanted, with: .nil) }
  }
}
