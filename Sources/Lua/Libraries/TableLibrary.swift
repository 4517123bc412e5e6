// TableLibrary.swift: `table`.

enum TableLibrary {
  static func open(_ machine: Machine) {
    _ = machine.library(
      "table",
      [
        "concat": concat, "foreach": forEach, "foreachi": forEachElement, "getn": count,
        "insert": insert, "maxn": maxIndex, "remove": remove, "setn": setCount, "sort": sort,
      ])
  }

  static func count(_ call: Call) throws(Failure) -> Int {
    call.result(Value(try call.table(1).length(call.machine)))
  }

  static func setCount(_ call: Call) throws(Failure) -> Int {
    _ = try call.table(1)
    throw call.failure("'setn' is obsolete")
  }

  static func maxIndex(_ call: Call) throws(Failure) -> Int {
    let table = try call.table(1)
    var most = 0.0
    var position = 0
    while let (entry, next) = table.entryAndNext(from: position) {
      if entry.key.isNumber { most = max(most, entry.key.number) }
      try call.machine.spend(next - position)
      position = next
    }
    return call.result(Value(most))
  }

  static func insert(_ call: Call) throws(Failure) -> Int {
    let table = try call.table(1)
    let end = table.length(call.machine) + 1
    switch call.count {
    case 2: try call.machine.rawSet(table, Value(end), call[2])
    case 3:
      let position = try call.smallInteger(2)
      var index = max(end, position)
      // Elements from the position on move up.
      while index > position {
        try call.machine.spend(1)
        try call.machine.rawSet(table, Value(index), table.get(Value(index - 1)))
        index -= 1
      }
      try call.machine.rawSet(table, Value(position), call[3])
    default: throw call.failure("wrong number of arguments to 'insert'")
    }
    return 0
  }

  static func remove(_ call: Call) throws(Failure) -> Int {
    let table = try call.table(1)
    let end = table.length(call.machine)
    var position = try call.smallInteger(2, otherwise: end)
    guard position >= 1 && position <= end else { return 0 }
    let removed = table.get(Value(position))
    try call.machine.checkWritable(table)
    try call.machine.spend(end - position)
    while position < end {
      table.set(index: position, table.get(index: position + 1), machine: call.machine)
      position += 1
    }
    table.set(index: end, .nil, machine: call.machine)
    return call.result(removed)
  }

  static func concat(_ call: Call) throws(Failure) -> Int {
    // The order is that of the reference's complaints.
    let separator = call[2].isNil ? call.machine.string("") : try call.string(2)
    let table = try call.table(1)
    let first = try call.smallInteger(3, otherwise: 1)
    let last = try call.smallInteger(4, otherwise: table.length(call.machine))
    guard first <= last else { return call.result(Bytes("")) }
    var buffer = Buffer(call.machine)
    var index = first
    while true {
      try call.machine.spend(1)
      let value = table.get(Value(index))
      if value.isString {
        try buffer.append(value.string.bytes)
      } else if value.isNumber {
        try buffer.append(number: value.number)
      } else {
        throw call.failure { b throws(Failure) in
          try b.append("invalid value (")
          try b.append(value.typeName)
          try b.append(") at index ")
          try b.append(number: Double(index))
          try b.append(" in table for 'concat'")
        }
      }
      if index == last { break }
      try buffer.append(separator.bytes)
      index += 1
    }
    return call.result(buffer.bytes)
  }

  static func forEach(_ call: Call) throws(Failure) -> Int {
    let table = try call.table(1)
    let function = try call.function(2)
    // The key is held on the stack: the function may take it out of the table.
    let place = call.thread.body.top
    call.push(.nil)
    while true {
      let (isKnown, entry) = table.next(
        after: call.thread.body.stack[place], machine: call.machine)
      guard isKnown else { throw call.machine.failure("invalid key to 'next'") }
      guard let entry else { return 0 }
      call.thread.body.stack[place] = entry.key
      let result = try call.machine.callMetamethod(function, entry.key, entry.value)
      if !result.isNil { return call.result(result) }
    }
  }

  static func forEachElement(_ call: Call) throws(Failure) -> Int {
    let table = try call.table(1)
    let function = try call.function(2)
    let count = table.length(call.machine)
    for index in 0..<count {
      let value = table.get(index: index + 1)
      let result = try call.machine.callMetamethod(function, Value(index + 1), value)
      if !result.isNil { return call.result(result) }
    }
    return 0
  }

  static func sort(_ call: Call) throws(Failure) -> Int {
    let table = try call.table(1)
    if call.count >= 2 && !call[2].isNil { _ = try call.function(2) }
    try call.machine.checkWritable(table)
    let sorter = TableSort(call: call, table: table, order: call.count >= 2 ? call[2] : .nil)
    try sorter.sort(1, table.length(call.machine))
    return 0
  }
}

/// Sorts the elements of a table in place: quicksort with the median of three, as Lua 5.1 does it, so that
/// the comparisons a script's function sees, and the order of equal elements, are the same.
struct TableSort {
  let call: Call
  let table: Table
  /// The script's function, or nil for `<`.
  let order: Value

  private func get(_ index: Int) -> Value { table.get(index: index) }

  private func set(_ index: Int, _ value: Value) {
    table.set(index: index, value, machine: call.machine)
  }

  private func swap(_ a: Int, _ b: Int) {
    let value = get(a)
    set(a, get(b))
    set(b, value)
  }

  @inline(__always)
  private func isLess(_ a: Value, _ b: Value) throws(Failure) -> Bool {
    if order.isNil {
      if a.isNumber && b.isNumber {
        try call.machine.spend(1)
        return a.number < b.number
      }
      try call.machine.spend(2)
      return try call.machine.less(a, b)
    }
    // What is compared may be in the table no more, but is on the stack during the call.
    return try call.machine.callMetamethod(order, a, b).isTruthy
  }

  func sort(_ first: Int, _ last: Int) throws(Failure) {
    var (low, high) = (first, last)
    // The pivot is held on the stack: the script's function may take it out of the table.
    let top = call.thread.body.top
    try call.reserve(2)
    while low < high {
      if try isLess(get(high), get(low)) { swap(low, high) }
      if high - low == 1 { break }
      let middle = low + (high - low) / 2
      if try isLess(get(middle), get(low)) {
        swap(middle, low)
      } else if try isLess(get(high), get(middle)) {
        swap(middle, high)
      }
      if high - low == 2 { break }
      let pivot = get(middle)
      call.thread.body.stack[top] = pivot
      call.thread.body.top = top + 1
      swap(middle, high - 1)
      let split = try partition(low, high, pivot)
      swap(high - 1, split)
      call.thread.body.top = top
      // The smaller half takes native stack, so that its depth is the logarithm of the count.
      if split - low < high - split {
        try sort(low, split - 1)
        low = split + 1
      } else {
        try sort(split + 1, high)
        high = split - 1
      }
    }
  }

  /// Elements below the answer are not above the pivot, elements behind it not below.
  private func partition(_ low: Int, _ high: Int, _ pivot: Value) throws(Failure) -> Int {
    var (i, j) = (low, high - 1)
    while true {
      i += 1
      while try isLess(get(i), pivot) {
        guard i <= high else { throw call.failure("invalid order function for sorting") }
        i += 1
      }
      j -= 1
      while try isLess(pivot, get(j)) {
        guard j >= low else { throw call.failure("invalid order function for sorting") }
        j -= 1
      }
      if j < i { return i }
      swap(i, j)
    }
  }
}
