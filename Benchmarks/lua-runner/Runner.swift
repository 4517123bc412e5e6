// Runner.swift: `lua-runner`, the interpreter on its own: runs a file as `lua5.1` does, with the libraries that
// scripts have and `print`. The conformance suite `lua` and `Benchmarks/compare` hold it against Lua in C.

import Glibc
import Lua

@main
enum Runner {
  static func main() {
    guard let options = Options(CommandLine.arguments.dropFirst()) else {
      fail(Options.usage, status: 2)
    }
    guard let source = read(options.file) else { fail("lua-runner: cannot read \(options.file)\n") }
    let lua = makeInterpreter(options)
    if options.compilations > 0 {
      for _ in 0..<options.compilations { _ = compile(source, lua) }
      return
    }
    let result = run(compile(source, lua), lua)
    fflush(nil)
    switch result {
    case .success: break
    case .failure(let value): fail("lua-runner: \(describe(value))\n")
    case .killed: fail("lua-runner: out of time\n", status: 3)
    }
  }

  private static func fail(_ text: String, status: Int32 = 1) -> Never {
    let bytes = Array(text.utf8)
    unsafe bytes.withUnsafeBytes { bytes in _ = unsafe write(2, bytes.baseAddress, bytes.count) }
    exit(status)
  }

  /// All bytes of a file, nil if it can't be read.
  private static func read(_ path: String) -> [UInt8]? {
    guard let file = unsafe fopen(path, "rb") else { return nil }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    while true {
      let byte = unsafe getc(file)
      if byte < 0 { return unsafe ferror(file) == 0 ? bytes : nil }
      bytes.append(UInt8(truncatingIfNeeded: byte))
    }
  }

  /// `print`, on top of a function that writes a string, which goes. As in C, `tostring` is one call deeper.
  private static let prelude = """
    local write, tostring, select, type, error, pcall = write, tostring, select, type, error, pcall
    _G.write = nil
    function print(...)
      for index = 1, select("#", ...) do
        local done, text = pcall(tostring, (select(index, ...)))
        if not done then error(text, 0) end
        if type(text) ~= "string" and type(text) ~= "number" then
          error("'tostring' must return a string to 'print'", 2)
        end
        if index > 1 then write("\\t") end
        write(text .. "")
      end
      write("\\n")
    end
    """

  /// The interpreter, with `print` and a clock.
  private static func makeInterpreter(_ options: Options) -> Interpreter {
    let lua = Interpreter(memoryMax: options.memory << 20)
    lua.collectionInterval = options.collectionInterval
    lua.setClock { Double(clock()) / 1_000_000 }
    let write = lua.function { call throws(Failure) in
      for byte in bytes(of: call[1]) { putchar(Int32(byte)) }
      return 0
    }
    lua.set(lua.globals, "write", write)
    guard case .success = lua.run(compile(Array(prelude.utf8), lua)) else {
      fatalError("the prelude fails")
    }
    if let seconds = options.seconds {
      lua.hook = { Double(clock()) / 1_000_000 < Double(seconds) }
    }
    return lua
  }

  /// What `program` comes to, called by a native function as `lua5.1` calls it: so it may go equally deep.
  private static func run(_ program: Value, _ lua: Interpreter) -> Interpreter.Result {
    lua.pin(program)
    var result = Interpreter.Result.killed
    let main = lua.function { _ throws(Failure) in
      result = lua.run(program)
      return 0
    }
    _ = lua.run(main)
    return result
  }

  private static func compile(_ source: [UInt8], _ lua: Interpreter) -> Value {
    switch unsafe lua.compile(source.span.bytes, name: "@program") {
    case .success(let function): return function
    case .failure(let message): fail("lua-runner: \(describe(message))\n")
    case .outOfMemory: fail("lua-runner: not enough memory\n")
    }
  }

  /// The bytes of a string, none of any other value.
  private static func bytes(of value: Value) -> [UInt8] {
    guard value.isString else { return [] }
    return value.string.withBytes { span in
      (0..<span.byteCount).map { unsafe span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
  }

  /// The text of an error's value.
  private static func describe(_ value: Value) -> String {
    value.isString
      ? String(decoding: bytes(of: value), as: UTF8.self)
      : "(error object is a \(value.typeName) value)"
  }
}
