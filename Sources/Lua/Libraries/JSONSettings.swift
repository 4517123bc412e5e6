// JSONSettings.swift: what the configuration functions of cjson set.
//
// The library in the global `cjson` has settings that hold for all scripts of an interpreter, as in Redis. One
// that `cjson.new` made keeps its own in a table, which its functions have as their value.

struct JSONSettings {
  /// What becomes of NaN and infinities.
  enum InvalidNumbers: Int {
    case off, on, null
  }

  /// Native stack bounds nesting, whatever the script sets.
  static let depthLimit = 2000

  var sparseConvert = false
  var sparseRatio = 2
  var sparseSafe = 10
  var encodeDepthMax = 1000
  var decodeDepthMax = 1000
  var precision = 14
  var keepBuffer = true
  var encodeInvalid = InvalidNumbers.off
  var decodeInvalid = true
}

extension JSONSettings {
  /// Elements of a table that keeps settings.
  static let count = 9

  /// Those that were written to `table`.
  fileprivate init(_ table: Table) {
    sparseConvert = table.get(index: 1).isTruthy
    sparseRatio = Int(table.get(index: 2).number)
    sparseSafe = Int(table.get(index: 3).number)
    encodeDepthMax = Int(table.get(index: 4).number)
    decodeDepthMax = Int(table.get(index: 5).number)
    precision = Int(table.get(index: 6).number)
    keepBuffer = table.get(index: 7).isTruthy
    encodeInvalid = InvalidNumbers(rawValue: Int(table.get(index: 8).number)) ?? .off
    decodeInvalid = table.get(index: 9).isTruthy
  }

  func write(to table: Table, _ machine: Machine) {
    let values = [
      Value(sparseConvert), Value(sparseRatio), Value(sparseSafe), Value(encodeDepthMax),
      Value(decodeDepthMax), Value(precision), Value(keepBuffer), Value(encodeInvalid.rawValue),
      Value(decodeInvalid),
    ]
    for (index, value) in values.enumerated() {
      table.set(index: index + 1, value, machine: machine)
    }
  }
}

extension Call {
  /// The settings of the library whose function is called.
  var jsonSettings: JSONSettings {
    get {
      native.body.valueCount == 0 ? machine.body.json : JSONSettings(native.values[0].table)
    }
    nonmutating set {
      if native.body.valueCount == 0 {
        machine.body.json = newValue
      } else {
        newValue.write(to: native.values[0].table, machine)
      }
    }
  }
}
