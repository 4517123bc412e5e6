// Collector.swift: gives back what nothing refers to. Mark and sweep, at safe points of the machine.
//
// Marking follows references from the roots with a list of what is still to be looked at, so that no
// chain of objects, however long, needs native stack. Its cost is that of what lives; a collection is
// due when the heap has doubled since the last one, so that each byte allocated pays for O(1) of it.
// A thread keeps everything up to the end of its highest frame, registers out of use included, and
// all above it becomes nil: so what a register holds is always either live or nil.

import Glibc

struct Collector {
  /// A heap smaller than this is not worth a collection, bytes.
  static let thresholdMin = 64 << 10

  private let machine: Machine
  private var gray: [Object] = []
  private var weak: Table?

  private init(_ machine: Machine) { self.machine = machine }

  /// One whole collection.
  static func run(_ machine: Machine) {
    var collector = Collector(machine)
    collector.markRoots()
    collector.markAll()
    collector.clearWeakTables()
    collector.sweep()
    machine.body.threshold =
      machine.body.collectionInterval > 0 ? 0 : max(thresholdMin, machine.body.used * 2)
  }

  // MARK: Marking

  private mutating func mark(_ value: Value) {
    if value.isObject { mark(value.object) }
  }

  private mutating func mark<Body>(_ object: Ref<Body>?) {
    guard let object else { return }
    mark(object.cast(to: Header.self))
  }

  private mutating func mark(_ object: Object) {
    guard !object.body.isMarked else { return }
    object.body.isMarked = true
    if object.body.kind != .string { gray.append(object) }
  }

  private mutating func markRoots() {
    mark(machine.body.mainThread)
    mark(machine.body.thread)
    mark(machine.body.globals)
    mark(machine.body.registry)
    mark(machine.body.stringMetatable)
    mark(machine.body.errorValue)
    mark(machine.body.errorHandler)
    for event in Event.allCases { mark(machine.body.eventNames[Int(event.rawValue)]) }
  }

  private mutating func markAll() {
    while let object = gray.popLast() {
      switch object.body.kind {
      case .string: break
      case .table: markParts(object.cast(to: TableBody.self))
      case .closure:
        let closure = object.cast(to: ClosureBody.self)
        mark(closure.body.prototype)
        mark(closure.body.environment)
        for index in 0..<closure.body.upvalueCount { mark(closure.upvalues[index]) }
      case .native:
        let native = object.cast(to: NativeBody.self)
        for index in 0..<native.body.valueCount { mark(native.values[index]) }
      case .upvalue:
        mark(object.cast(to: UpvalueBody.self).body.location[0])
      case .prototype: markParts(object.cast(to: PrototypeBody.self))
      case .thread: markParts(object.cast(to: ThreadBody.self))
      }
    }
  }

  private mutating func markParts(_ table: Table) {
    mark(table.body.metatable)
    let mode = weakness(of: table)
    if mode.keys || mode.values {
      table.body.nextWeak = weak
      weak = table
    }
    if !mode.values {
      for index in 0..<table.body.arrayCount { mark(table.body.array[index]) }
    }
    guard table.hasNodes else { return }
    for index in 0..<table.nodeCount {
      let node = table.body.nodes[index]
      if node.value.isNil {
        table.killKey(at: index)
      } else {
        if !mode.keys || node.key.isString { mark(node.key) }
        if !mode.values || node.value.isString { mark(node.value) }
      }
    }
  }

  private func weakness(of table: Table) -> (keys: Bool, values: Bool) {
    guard let metatable = table.body.metatable,
      let mode = metatable.metamethod(.mode, machine: machine), mode.isString
    else { return (false, false) }
    let bytes = mode.string.bytes
    return (
      bytes.firstOffset(of: UInt8(ascii: "k")) != nil,
      bytes.firstOffset(of: UInt8(ascii: "v")) != nil
    )
  }

  private mutating func markParts(_ prototype: Prototype) {
    let body = prototype.body
    mark(body.source)
    for index in 0..<body.constantCount { mark(body.constants[index]) }
    for index in 0..<body.childCount { mark(body.children[index]) }
    for index in 0..<body.localCount { mark(body.locals[index].name) }
    for index in 0..<body.upvalueCount { mark(body.upvalueNames[index]) }
  }

  private mutating func markParts(_ thread: Thread) {
    var end = thread.body.top
    for frame in 0...thread.body.frame { end = max(end, thread.body.frames[frame].top) }
    for index in 0..<end { mark(thread.body.stack[index]) }
    thread.body.stack.fill(end..<thread.body.stackCount, with: .nil)
    var open = thread.body.openUpvalues
    while let upvalue = open {
      mark(upvalue)
      open = upvalue.body.nextOpen
    }
  }

  // MARK: Weak tables

  private func isDead(_ value: Value) -> Bool {
    value.isObject && !value.isString && !value.object.body.isMarked
  }

  private func clearWeakTables() {
    var next = weak
    while let table = next {
      next = table.body.nextWeak
      table.body.nextWeak = nil
      for index in 0..<table.body.arrayCount where table.body.array[index].isObject {
        let value = table.body.array[index]
        if isDead(value) {
          table.body.array[index] = .nil
        } else {
          // A string is a value, not an object, for a weak table.
          value.object.body.isMarked = true
        }
      }
      guard table.hasNodes else { continue }
      for index in 0..<table.nodeCount {
        let node = table.body.nodes[index]
        guard !node.value.isNil else { continue }
        if isDead(node.key) || isDead(node.value) {
          table.body.nodes[index].value = .nil
          table.killKey(at: index)
        }
      }
    }
  }

  // MARK: Sweeping

  private func sweep() {
    if machine.body.hasCoroutines { closeDeadThreads() }
    sweepStrings()
    var kept: Object?
    var last: Object?
    var next = machine.body.objects
    while let object = next {
      next = object.body.next
      if object.body.isMarked {
        object.body.isMarked = false
        if let last { last.body.next = object } else { kept = object }
        last = object
      } else {
        machine.destroy(object)
      }
    }
    last?.body.next = nil
    machine.body.objects = kept
  }

  /// Variables that closures caught of a thread which goes away become theirs.
  private func closeDeadThreads() {
    var next = machine.body.objects
    while let object = next {
      next = object.body.next
      if object.body.kind == .thread && !object.body.isMarked {
        object.cast(to: ThreadBody.self).closeUpvalues(from: 0)
      }
    }
  }

  private func sweepStrings() {
    for bucket in 0..<machine.body.bucketCount {
      var next = machine.body.stringBuckets[bucket]
      var last: LuaString?
      while let object = next {
        let string = object.cast(to: StringBody.self)
        next = object.body.next
        if string.body.header.isMarked {
          string.body.header.isMarked = false
          last = string
          continue
        }
        if let last {
          last.body.header.next = next
        } else {
          machine.body.stringBuckets[bucket] = next
        }
        machine.body.stringCount -= 1
        machine.body.used -= Heap.size(MemoryLayout<StringBody>.size + string.count + 1)
        unsafe Glibc.free(object.address)
      }
    }
    let count = machine.body.bucketCount
    if machine.body.stringCount < count / 4 && count > 256 {
      machine.rehashStrings(into: count / 2)
    }
  }
}

extension Ref where Body == MachineBody {
  /// Gives back all strings: the machine ends.
  func freeStrings() {
    for bucket in 0..<body.bucketCount {
      var next = body.stringBuckets[bucket]
      while let object = next {
        next = object.body.next
        unsafe Glibc.free(object.address)
      }
    }
  }

  /// A safe point: every live value is in a root.
  @inline(__always)
  func safePoint() throws(Failure) {
    if body.used >= body.threshold { try collectIfDue() }
  }

  /// A safe point of the host, which fails with nothing: what comes next will.
  func hostSafePoint() {
    if body.used >= min(body.threshold, body.limit / 4 * 3) { try? collectIfDue() }
  }

  @inline(never)
  private func collectIfDue() throws(Failure) {
    if body.collectionInterval > 0 {
      body.safePointsPassed += 1
      guard body.safePointsPassed % body.collectionInterval == 0 || body.used > body.limit else {
        return
      }
    }
    if !body.isCollectorStopped || body.used > body.limit {
      Collector.run(self)
    } else {
      body.threshold = body.used * 2
    }
    if body.used > body.limit { throw outOfMemory() }
    // A heap near its limit must be looked at before garbage takes the room that native functions ask for.
    body.threshold = min(
      body.threshold,
      max(body.limit / 4 * 3, body.used + max(Collector.thresholdMin, body.limit / 16)))
  }

  /// Gives an object's memory back, with what hangs on it.
  func destroy(_ object: Object) {
    switch object.body.kind {
    case .string: break
    case .table:
      let table = object.cast(to: TableBody.self)
      body.used -= Heap.size(MemoryLayout<TableBody>.size) + table.ownedSize
      if table.body.arrayCount > 0 { table.body.array.free() }
      if table.hasNodes { table.body.nodes.free() }
    case .closure:
      let closure = object.cast(to: ClosureBody.self)
      body.used -= Heap.size(MemoryLayout<ClosureBody>.size + closure.body.upvalueCount * 8)
    case .native:
      let native = object.cast(to: NativeBody.self)
      body.used -= Heap.size(MemoryLayout<NativeBody>.size + native.body.valueCount * 8)
    case .upvalue: body.used -= Heap.size(MemoryLayout<UpvalueBody>.size)
    case .prototype:
      let prototype = object.cast(to: PrototypeBody.self)
      body.used -= Heap.size(MemoryLayout<PrototypeBody>.size) + prototype.ownedSize
      prototype.body.code.free()
      prototype.body.constants.free()
      prototype.body.children.free()
      prototype.body.lines.free()
      prototype.body.locals.free()
      prototype.body.upvalueNames.free()
    case .thread:
      let thread = object.cast(to: ThreadBody.self)
      body.used -= Heap.size(MemoryLayout<ThreadBody>.size) + thread.ownedSize
      thread.body.stack.free()
      thread.body.frames.free()
    }
    unsafe Glibc.free(object.address)
  }
}
