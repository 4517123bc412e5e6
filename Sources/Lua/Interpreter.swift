// Interpreter.swift: the module's face to its host: compile, run, exchange values, bound a run.
//
//     let lua = Interpreter()
//     lua.register("twice") { call throws(Failure) in … }
//     switch lua.compile(source, name: "@user_script") {
//     case .success(let function): lua.run(function) { result in … }
//     case .failure(let message): …
//     }
//
// The pipeline: Lexer → Parser → FunctionBuilder (Compiler/) → Prototype → execute (Machine/).
// An interpreter belongs to one thread. What it hands out (values, tables, strings) stays good
// until it next compiles or runs, and longer if it is pinned or reachable from a global.

public final class Interpreter {
  let machine: Machine

  /// An interpreter with all libraries that Redis gives to scripts.
  ///
  /// - Parameter memoryMax: bytes that scripts may use; beyond them they fail with "not enough memory".
  public init(memoryMax: Int = .max / 2) {
    machine = Machine.make(memoryMax: memoryMax)
    machine.openLibraries()
  }

  deinit { machine.free() }

  // MARK: Limits

  /// Bytes that all objects take.
  public var memoryUsed: Int { machine.body.used }

  public var memoryMax: Int {
    get { machine.body.limit }
    set {
      machine.body.limit = newValue
      machine.body.threshold = min(machine.body.threshold, max(machine.body.used, newValue))
    }
  }

  /// Asked about every `Limits.stepsBetweenHooks` instructions, and by native functions that take long:
  /// false ends the run with `.killed`, which no `pcall` catches.
  public var hook: (() -> Bool)? {
    get { machine.body.hook }
    set { machine.body.hook = newValue }
  }

  /// Processor seconds, for `os.clock`.
  public func setClock(_ clock: @escaping () -> Double) {
    machine.body.clock = clock
    let os = machine.table(nodeCount: 1)
    machine.set(os, "clock") { call throws(Failure) in
      call.result(Value(foreign: call.machine.body.clock()))
    }
    machine.set(globals, "os", Value(os))
  }

  /// Starts the sequence of `math.random` anew, the same one for the same seed.
  public func seedRandom(_ seed: Int32) { machine.body.random = Random48(seed: seed) }

  /// For tests: a collection is due at every n-th safe point, at each when it is 1, so that what is not
  /// rooted there shows soon. 0: only when it is due.
  package var collectionInterval: Int {
    get { machine.body.collectionInterval }
    set {
      machine.body.collectionInterval = newValue
      if newValue > 0 { machine.body.threshold = 0 }
    }
  }

  /// A collection of all garbage.
  public func collectGarbage() { Collector.run(machine) }

  // MARK: Compiling and running

  public enum Compiled {
    case success(Value)
    /// "user_script:1: unexpected symbol near '='"
    case failure(Value)
    case outOfMemory
  }

  /// Compiles a chunk; the function sees `environment` as its globals.
  ///
  /// - Parameter name: `@file` is shown as it is in messages, anything else as the text of a string.
  public func compile(
    _ source: RawSpan, name: StaticString, environment: Table? = nil
  ) -> Compiled {
    unsafe source.withUnsafeBytes { bytes in
      let text = unsafe Bytes(bytes)
      machine.hostSafePoint()
      // What scripts compile is their work; this is the host's.
      let hook = machine.body.hook
      machine.body.hook = nil
      defer { machine.body.hook = hook }
      do throws(Failure) {
        let prototype = try Parser.compile(text, source: machine.string(name), machine: machine)
        return .success(Value(machine.closure(prototype, environment: environment ?? globals)))
      } catch {
        return machine.isOutOfMemory ? .outOfMemory : .failure(machine.body.errorValue)
      }
    }
  }

  /// Bytes that the code of a Lua function takes, with all functions in it and the strings they name.
  public func codeSize(of function: Value) -> Int {
    guard function.isClosure else { return 0 }
    var size = 0, open = [function.closure.body.prototype]
    while let prototype = open.popLast() {
      let body = prototype.body
      size += MemoryLayout<PrototypeBody>.size + prototype.ownedSize
      for index in 0..<body.constantCount where body.constants[index].isString {
        size += MemoryLayout<StringBody>.size + body.constants[index].string.count
      }
      for index in 0..<body.childCount { open.append(body.children[index]) }
    }
    return size
  }

  public enum Result {
    /// The first result, nil if there is none.
    case success(Value)
    case failure(Value)
    /// The hook ended it.
    case killed
  }

  /// Calls `function` with `arguments`. A failure is shown to `handler` before the stack is unwound, and is
  /// what `handler` makes of it.
  public func run(
    _ function: Value, _ arguments: [Value] = [], handler: Value = .nil
  ) -> Result {
    let thread = machine.thread
    let position = thread.pushPosition
    // What a script set for itself ends with it.
    defer { machine.body.isCollectorStopped = false }
    do throws(Failure) {
      try thread.ensure(arguments.count + 2, above: position, machine: machine)
      // The handler lies below the function, where the collector sees it.
      thread.body.stack[position] = handler
      thread.body.stack[position + 1] = function
      for (index, value) in arguments.enumerated() {
        thread.body.stack[position + 2 + index] = value
      }
      thread.body.top = position + 2 + arguments.count
      machine.hostSafePoint()
      guard try machine.protectedCall(position + 1, wanted: 1, handler: handler) else {
        thread.body.top = position
        return .failure(machine.body.errorValue)
      }
      thread.body.top = position
      return .success(thread.body.stack[position + 1])
    } catch {
      machine.unwind(thread, to: position)
      return .killed
    }
  }

  // MARK: Values

  /// The globals that scripts see.
  public var globals: Table { unsafe machine.body.globals.unsafelyUnwrapped }

  /// Bytes of a new string of `count` bytes.
  public static func size(ofString count: Int) -> Int {
    Heap.size(MemoryLayout<StringBody>.size + count + 1)
  }

  /// Bytes of a new table.
  public static func size(ofTable elements: Int, entries: Int) -> Int {
    let nodes = entries > 0 ? 1 << Table.ceilingLog2(entries) : 0
    return Heap.size(MemoryLayout<TableBody>.size)
      + Heap.size(elements * MemoryLayout<Value>.stride)
      + Heap.size(nodes * MemoryLayout<Node>.stride)
  }

  public func string(_ bytes: RawSpan) -> Value {
    unsafe bytes.withUnsafeBytes { bytes in
      Value(machine.string(unsafe Bytes(bytes)))
    }
  }

  public func string(_ text: StaticString) -> Value { Value(machine.string(text)) }

  public func table(elements: Int = 0, entries: Int = 0) -> Table {
    machine.table(arrayCount: elements, nodeCount: entries)
  }

  /// A function of the host as a value.
  public func function(_ body: @escaping NativeFunction) -> Value {
    Value(machine.native(machine.register(body)))
  }

  public func get(_ table: Table, _ key: StaticString) -> Value { table.get(machine.string(key)) }

  public func get(_ table: Table, index: Int) -> Value { table.get(index: index) }

  public func set(_ table: Table, _ key: StaticString, _ value: Value) {
    machine.set(table, key, value)
  }

  public func set(_ table: Table, index: Int, _ value: Value) {
    table.set(index: index, value, machine: machine)
  }

  public func get(_ table: Table, _ key: Value) -> Value { table.get(key) }

  /// `key` is neither nil nor NaN.
  public func set(_ table: Table, _ key: Value, _ value: Value) {
    table.set(key, value, machine: machine)
  }

  public func count(_ table: Table) -> Int { table.length(machine) }

  /// The entry of `table` behind that of `key`, the first one behind nil.
  public func next(_ table: Table, after key: Value) -> (key: Value, value: Value)? {
    table.next(after: key, machine: machine).entry
  }

  /// What `tostring` makes of a value without metamethods.
  public func text(_ value: Value) -> Value {
    if value.isString { return value }
    var buffer = Buffer(machine)
    // When the memory is used up it is what there was room for.
    try? BaseLibrary.write(value, to: &buffer)
    return Value(machine.string(buffer.bytes))
  }

  /// Keeps `value` alive until `unpin`.
  public func pin(_ value: Value) {
    let registry = unsafe machine.body.registry.unsafelyUnwrapped
    let count = registry.get(value)
    registry.set(value, Value(count.isNumber ? count.number + 1 : 1), machine: machine)
  }

  public func unpin(_ value: Value) {
    let registry = unsafe machine.body.registry.unsafelyUnwrapped
    let count = registry.get(value)
    guard count.isNumber else { return }
    registry.set(value, count.number > 1 ? Value(count.number - 1) : .nil, machine: machine)
  }

  // MARK: Protection

  /// Scripts can't change `table` any more: "Attempt to modify a readonly table".
  public func protect(_ table: Table, _ isProtected: Bool = true) {
    table.body.header.extra = isProtected ? 1 : 0
  }

  public func setMetatable(_ table: Table, _ metatable: Table?) {
    table.body.metatable = metatable
  }

  /// Protects the globals as Redis does: unknown names fail, and neither globals nor any library, nor the
  /// metatable of strings, can be changed.
  public func protectGlobals() {
    refuseUnknown(in: globals)
    if let strings = machine.body.stringMetatable { protect(strings) }
    protectAll(globals)
  }

  /// Names that `table` has not fail, where other tables answer nil.
  public func refuseUnknown(in table: Table) {
    let metatable = machine.table(nodeCount: 1)
    machine.set(metatable, "__index") { call throws(Failure) in
      let name = try call.string(2)
      throw call.failure { b throws(Failure) in
        try b.append("Script attempted to access nonexistent global variable '")
        try b.append(name.bytes)
        try b.append("'")
      }
    }
    table.body.metatable = metatable
  }

  /// Protects `table` with its metatable and all tables that it leads to.
  public func protectAll(_ table: Table) {
    var open = [table]
    while let table = open.popLast() {
      guard !table.isReadOnly else { continue }
      protect(table)
      if let metatable = table.body.metatable { open.append(metatable) }
      var key = Value.nil
      while let entry = table.next(after: key, machine: machine).entry {
        if entry.value.isTable { open.append(entry.value.table) }
        key = entry.key
      }
    }
  }

  /// Source name and line of the Lua function that runs, `level` frames out; nil for a native one.
  public func position(level: Int) -> (source: LuaString, line: Int)? {
    machine.position(level: level)
  }
}

extension Ref where Body == MachineBody {
  static func make(memoryMax: Int) -> Machine {
    let bucketCount = 1024
    let body = unsafe MachineBody(
      limit: memoryMax, stringBuckets: .allocate(bucketCount, filledWith: nil),
      bucketCount: bucketCount,
      emptyNode: .allocate(1, filledWith: Node(key: .nil, value: .nil, next: 0)),
      eventNames: .allocate(Event.allCases.count))
    let machine = unsafe Machine(UnsafeMutablePointer<MachineBody>.allocate(capacity: 1))
    unsafe machine.pointer.initialize(to: body)
    for event in Event.allCases {
      machine.body.eventNames[Int(event.rawValue)] = machine.string(event.name)
    }
    machine.body.mainThread = machine.makeThread()
    machine.body.thread = machine.body.mainThread
    machine.thread.body.status = .running
    machine.body.globals = machine.table()
    machine.body.registry = machine.table()
    for (index, word) in Token.reserved.enumerated() {
      let string = machine.string(word)
      string.body.header.extra = UInt8(index + 1)
      // The words must stay what they are.
      machine.body.registry.set(Value(string), .true, machine: machine)
    }
    return machine
  }

  /// Gives all memory back.
  func free() {
    body.mainThread = nil
    var next = body.objects
    while let object = next {
      next = object.body.next
      destroy(object)
    }
    freeStrings()
    body.stringBuckets.free()
    body.emptyNode.free()
    body.eventNames.free()
    if let spare = unsafe body.spareBuffer { unsafe spare.deallocate() }
    unsafe pointer.deinitialize(count: 1)
    unsafe pointer.deallocate()
  }

  /// Back to `position` of the main thread, after a run was ended from outside.
  func unwind(_ thread: Thread, to position: Int) {
    body.thread = thread
    body.nativeDepth = 0
    body.errorHandler = .nil
    thread.closeUpvalues(from: position)
    while thread.body.frame > 0, thread.body.frames[thread.body.frame].function >= position {
      thread.body.frame -= 1
    }
    thread.body.top = position
    thread.shrinkFrames(machine: self)
  }
}
