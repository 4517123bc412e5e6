// Heap.swift: objects are made here, and accounted for.
//
// Making an object never collects: a collection happens at safe points of the machine alone, so that a
// native function may hold what it makes in plain variables until it calls back into Lua.

import Glibc

enum Heap {
  /// Bytes that the C library takes for a piece of `count` bytes: with a word of its own before each, in
  /// steps of 16, and never below 32. What a script may use is counted so, since small objects are the most.
  @inline(__always)
  static func size(_ count: Int) -> Int { count == 0 ? 0 : max(32, (count &+ 23) & ~15) }
}

extension Ref where Body == MachineBody {
  /// Memory for an object of `size` bytes. Its header is filled in; it is white, that is unmarked.
  @inline(__always)
  private func allocate<New>(_ kind: ObjectKind, as: New.Type, size: Int) -> Ref<New> {
    guard let address = unsafe malloc(size) else { fatalError("out of memory: \(size) bytes") }
    body.used &+= Heap.size(size)
    let object = unsafe Object(
      address.initializeMemory(
        as: Header.self, to: Header(next: body.objects, kind: kind, isMarked: false)))
    body.objects = object
    return object.cast(to: New.self)
  }

  /// Replaces the fields of a new object, but for its header.
  @inline(__always)
  private func fill<New>(_ object: Ref<New>, with make: (Header) -> New) {
    object.body = make(object.cast(to: Header.self).body)
  }

  // MARK: Strings

  /// The string of `bytes`. There is one string for the same bytes, so that equal strings are the same object.
  func string(_ bytes: Bytes) -> LuaString {
    // Long strings are work that the host must see, and so are those made to have one hash.
    charge(bytes.count >> 6)
    let hash = Self.hash(bytes)
    let bucket = Int(hash) & (body.bucketCount &- 1)
    var next = body.stringBuckets[bucket]
    var passed = 0
    while let object = next {
      let string = object.cast(to: StringBody.self)
      if string.body.header.hash == hash && string.count == bytes.count && string.bytes == bytes {
        return string
      }
      next = string.body.header.next
      passed &+= 1
    }
    charge(passed >> 2)
    return makeString(bytes, hash: hash, bucket: bucket)
  }

  func string(_ text: StaticString) -> LuaString { string(Bytes(text)) }

  private func makeString(_ bytes: Bytes, hash: UInt32, bucket: Int) -> LuaString {
    let size = MemoryLayout<StringBody>.size + bytes.count + 1
    guard let address = unsafe malloc(size) else { fatalError("out of memory: \(size) bytes") }
    body.used &+= Heap.size(size)
    let string = unsafe LuaString(
      address.initializeMemory(
        as: StringBody.self,
        to: StringBody(
          header: Header(
            next: body.stringBuckets[bucket], kind: .string, isMarked: false, hash: hash),
          count: bytes.count)))
    unsafe memcpy(address + MemoryLayout<StringBody>.size, bytes.start, bytes.count)
    unsafe address.storeBytes(of: 0, toByteOffset: size - 1, as: UInt8.self)
    body.stringBuckets[bucket] = string.cast(to: Header.self)
    body.stringCount &+= 1
    if body.stringCount > body.bucketCount { rehashStrings(into: body.bucketCount * 2) }
    return string
  }

  /// The hash of Lua 5.1, which the order of `pairs` shows: of a long string it takes about 32 bytes.
  private static func hash(_ bytes: Bytes) -> UInt32 {
    var hash = UInt32(truncatingIfNeeded: bytes.count)
    let step = bytes.count >> 5 &+ 1
    var offset = bytes.count
    while offset >= step {
      hash ^= (hash << 5) &+ (hash >> 2) &+ UInt32(bytes[offset &- 1])
      offset &-= step
    }
    return hash
  }

  func rehashStrings(into count: Int) {
    let buckets = Memory<Object?>.allocate(count, filledWith: nil)
    for bucket in 0..<body.bucketCount {
      var next = body.stringBuckets[bucket]
      while let string = next {
        next = string.body.next
        let place = Int(string.body.hash) & (count - 1)
        string.body.next = buckets[place]
        buckets[place] = string
      }
    }
    body.stringBuckets.free()
    body.used += (count - body.bucketCount) * MemoryLayout<Object?>.stride
    body.stringBuckets = buckets
    body.bucketCount = count
  }

  // MARK: Other objects

  /// An empty table with room for so many elements and entries.
  func table(arrayCount: Int = 0, nodeCount: Int = 0) -> Table {
    let table = allocate(.table, as: TableBody.self, size: MemoryLayout<TableBody>.size)
    fill(table) {
      TableBody(
        header: $0, metatable: nil, array: .none, nodes: body.emptyNode, arrayCount: 0,
        nodeMask: 0, lastFree: 0, nextWeak: nil)
    }
    if arrayCount > 0 { table.resizeArray(to: arrayCount, machine: self) }
    if nodeCount > 0 { table.makeNodes(nodeCount, machine: self) }
    return table
  }

  /// A closure whose upvalues the caller fills in at once.
  func closure(_ prototype: Prototype, environment: Table) -> Closure {
    let count = prototype.body.upvalueCount
    let size = MemoryLayout<ClosureBody>.size + count * MemoryLayout<Upvalue>.stride
    let closure = allocate(.closure, as: ClosureBody.self, size: size)
    fill(closure) {
      ClosureBody(
        header: $0, prototype: prototype, environment: environment, upvalueCount: count)
    }
    return closure
  }

  /// A native function with values of its own.
  func native(_ function: Int, _ values: [Value] = []) -> Native {
    let size = MemoryLayout<NativeBody>.size + values.count * MemoryLayout<Value>.stride
    let native = allocate(.native, as: NativeBody.self, size: size)
    fill(native) { NativeBody(header: $0, function: function, valueCount: values.count) }
    for (index, value) in values.enumerated() { native.values[index] = value }
    return native
  }

  /// An upvalue that is closed and nil.
  func upvalue() -> Upvalue {
    let upvalue = allocate(.upvalue, as: UpvalueBody.self, size: MemoryLayout<UpvalueBody>.size)
    fill(upvalue) {
      UpvalueBody(header: $0, location: upvalue.ownLocation, closed: .nil, nextOpen: nil)
    }
    return upvalue
  }

  func prototype(_ body: PrototypeBody) -> Prototype {
    let prototype = allocate(
      .prototype, as: PrototypeBody.self, size: MemoryLayout<PrototypeBody>.size)
    fill(prototype) {
      var filled = body
      filled.header = $0
      return filled
    }
    self.body.used += prototype.ownedSize
    return prototype
  }

  /// A thread with an empty stack.
  func makeThread() -> Thread {
    let thread = allocate(.thread, as: ThreadBody.self, size: MemoryLayout<ThreadBody>.size)
    let stackCount = 64
    let frameCapacity = 8
    fill(thread) {
      ThreadBody(
        header: $0, stack: .allocate(stackCount, filledWith: .nil), stackCount: stackCount,
        top: 1, frames: .allocate(frameCapacity), frameCapacity: frameCapacity, frame: 0,
        openUpvalues: nil, status: .fresh, nativeDepth: 0, firstResult: 1)
    }
    // The frame at the bottom is that of the host: a native function without a value.
    thread.body.frames[0] = Frame(
      function: 0, base: 1, top: 1,
      next: .none, wanted: -1,
      tailCalls: 0, isLua: false, isEntry: true)
    body.used += thread.ownedSize
    return thread
  }

  // MARK: Room

  /// Throws when `size` more bytes would go beyond the limit, even after a collection that is
  /// still to come: what is garbage counts here, since this may be called where nothing may move.
  func checkRoom(_ size: Int) throws(Failure) {
    if size > body.limit - body.used { throw outOfMemory() }
  }
}

extension Ref where Body == PrototypeBody {
  /// Bytes of what hangs on it.
  var ownedSize: Int {
    // A run without elements has room for one.
    func size(_ count: Int, _ stride: Int) -> Int { Heap.size(max(1, count) * stride) }
    return size(body.codeCount, MemoryLayout<Instruction>.stride) + size(body.codeCount, 4)
      + size(body.constantCount, MemoryLayout<Value>.stride) + size(body.childCount, 8)
      + size(body.localCount, MemoryLayout<LocalName>.stride) + size(body.upvalueCount, 8)
  }
}

extension Ref where Body == ThreadBody {
  var ownedSize: Int {
    body.stackCount * MemoryLayout<Value>.stride + body.frameCapacity * MemoryLayout<Frame>.stride
  }
}

extension Ref where Body == TableBody {
  var ownedSize: Int { arraySize + nodesSize }

  @inline(__always)
  var arraySize: Int { Heap.size(body.arrayCount * MemoryLayout<Value>.stride) }

  @inline(__always)
  var nodesSize: Int { hasNodes ? Heap.size(nodeCount * MemoryLayout<Node>.stride) : 0 }
}
