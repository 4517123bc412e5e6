// FunctionLibraries.swift: the libraries of functions, as values: what FUNCTION LOAD has brought.
//
// A library is its text; loading runs it once, and what it registers meanwhile are its functions. All
// libraries are one value, so that FUNCTION RESTORE changes a copy and puts it in place when all of it
// was good. Functions are found by name in any case, libraries by their very names, as in Redis.

import Lua
import RESP

/// A function that a library has registered.
struct ScriptFunction {
  let name: [UInt8]
  /// Pinned.
  let callback: Value
  let flags: ScriptFlags
  let description: [UInt8]?
}

struct FunctionLibrary {
  let name: [UInt8]
  /// Its text, first line included.
  let code: [UInt8]
  /// In the order in which they were registered; none when the library could not be loaded again at the
  /// start (`Scripting.takeAgain`): it is there as text alone.
  let functions: [ScriptFunction]
  /// The how manieth load it came by: the same text loaded anew is another library.
  let load: Int
}

struct FunctionLibraries {
  private(set) var byName: [[UInt8]: FunctionLibrary] = [:]
  /// All functions by their names in lower case, with their libraries.
  private var functions: [[UInt8]: (library: [UInt8], function: ScriptFunction)] = [:]

  var functionCount: Int { functions.count }

  /// By name.
  var sorted: [FunctionLibrary] {
    byName.values.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  /// The texts of all libraries in an order in which they can be taken again: those that are loaded come
  /// last, so that their functions are theirs again.
  var codes: [[UInt8]] {
    sorted.filter(\.functions.isEmpty).map(\.code)
      + sorted.filter { !$0.functions.isEmpty }.map(\.code)
  }

  func function(_ name: ByteView) -> ScriptFunction? {
    functions[Self.folded(name.array)]?.function
  }

  /// Adds a library, in the place of one of its name.
  ///
  /// - Throws: when another library has a function of the same name; nothing is changed then.
  mutating func add(_ library: FunctionLibrary) throws(CommandError) {
    for function in library.functions {
      let other = functions[Self.folded(function.name)]
      guard other == nil || other?.library == library.name else {
        throw CommandError(
          message: Array("ERR Function ".utf8) + function.name + Array(" already exists".utf8))
      }
    }
    remove(library.name)
    byName[library.name] = library
    for function in library.functions {
      functions[Self.folded(function.name)] = (library.name, function)
    }
  }

  /// Which libraries have functions with the names of these.
  func owners(of added: [ScriptFunction]) -> Set<[UInt8]> {
    Set(added.compactMap { functions[Self.folded($0.name)]?.library })
  }

  /// Takes in a library, of which there is none of its name, as text alone.
  mutating func keep(_ name: [UInt8], _ code: [UInt8]) {
    precondition(byName[name] == nil)
    byName[name] = FunctionLibrary(name: name, code: code, functions: [], load: 0)
  }

  /// Takes the functions of a library away.
  mutating func unload(_ name: [UInt8]) {
    guard let library = remove(name) else { return }
    keep(name, library.code)
  }

  @discardableResult
  mutating func remove(_ name: [UInt8]) -> FunctionLibrary? {
    guard let library = byName.removeValue(forKey: name) else { return nil }
    for function in library.functions { functions[Self.folded(function.name)] = nil }
    return library
  }

  static func folded(_ name: [UInt8]) -> [UInt8] {
    name.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
  }

  /// Whether libraries and functions may be called so.
  static func isName(_ name: [UInt8]) -> Bool {
    !name.isEmpty
      && name.allSatisfy { ($0 | 0x20) &- 0x61 < 26 || $0 &- 0x30 < 10 || $0 == UInt8(ascii: "_") }
  }

  static let badName = CommandError(
    "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one "
      + "character long")

  /// The name that the first line of a library gives it: `#!lua name=mylib`.
  static func name(in code: ByteView) throws(CommandError) -> [UInt8] {
    let shebang: Shebang?
    do throws(CommandError) { shebang = try Shebang(code) } catch {
      throw CommandError("ERR Invalid library metadata")
    }
    guard let shebang, let engine = shebang.words.first else {
      throw CommandError("ERR Missing library metadata")
    }
    var name: [UInt8]?
    for word in shebang.words.dropFirst() {
      guard word.count >= 5, folded(Array(word.prefix(5))) == Array("name=".utf8) else {
        throw CommandError(message: Array("ERR Invalid metadata value given: ".utf8) + word)
      }
      guard name == nil else {
        throw CommandError("ERR Invalid metadata value, name argument was given multiple times")
      }
      name = Array(word.dropFirst(5))
    }
    guard let name else { throw CommandError("ERR Library name was not given") }
    guard isName(name) else { throw badName }
    guard folded(engine) == Array("#!lua".utf8) else {
      throw CommandError(
        message: Array("ERR Engine '".utf8) + engine.dropFirst(2) + Array("' not found".utf8))
    }
    return name
  }
}
