// StartArguments.swift: the command line: what to do, which file of options, and options after it.
//
//     martlet-server [FILE] [--name value ...]...
//
// As in redis-server, the first word behind an option is its value even when it begins with `--`,
// further words up to the next `--` belong to it too, and `--name=value` and "--name value" in one
// word are taken as well. Options of the command line come after the file's and so win.

import RESP

struct StartArguments: Equatable {
  /// What the process is to do; a folder that is not given is the option `dir`.
  enum Task: Equatable {
    case serve
    case help
    case version
    /// Verify the log and say what is wrong.
    case checkLog(directory: String?)
    /// Write the data as commands for `redis-cli --pipe`.
    case export(directory: String?)
    /// Take the data of a file that Redis or Valkey wrote into the folder of the option `dir`.
    case importData(file: String, skipsUnknown: Bool)
    /// Keep what is good of a damaged log and set the rest aside.
    case repair(directory: String?)
  }

  struct Option: Equatable {
    let name: String
    var words: [String]
  }

  private(set) var task = Task.serve
  private(set) var file: String?
  private(set) var options: [Option] = []

  /// - Parameter arguments: without the program's name.
  init(_ arguments: [String]) throws(StartError) {
    var rest = arguments[...]
    if let first = rest.first, !first.hasPrefix("-") {
      file = first
      rest.removeFirst()
    }
    var skipsUnknown = false
    while let word = rest.popFirst() {
      switch word {
      case "-h", "--help": task = .help
      case "-v", "--version": task = .version
      case "--check-log": task = .checkLog(directory: Self.path(&rest))
      case "--export": task = .export(directory: Self.path(&rest))
      case "--import":
        guard let file = Self.path(&rest) else {
          throw StartError("--import needs the file to read")
        }
        task = .importData(file: file, skipsUnknown: false)
      case "--import-skip-unknown": skipsUnknown = true
      case "--repair": task = .repair(directory: Self.path(&rest))
      default:
        guard word.hasPrefix("--"), word.utf8.count > 2 else {
          throw StartError(
            "unexpected argument '\(SettingsReader.short(word))': options are --name value")
        }
        options.append(try Self.option(word, &rest))
      }
    }
    guard skipsUnknown else { return }
    guard case .importData(let file, _) = task else {
      throw StartError("--import-skip-unknown goes with --import FILE")
    }
    task = .importData(file: file, skipsUnknown: true)
  }

  /// The settings these arguments give, after those of `text`, the content of `file`.
  func settings(fileText text: ByteView = ByteView()) throws(StartError) -> Settings {
    var reader = SettingsReader()
    if let file { try reader.read(text, path: file) }
    for option in options {
      try reader.apply(
        Array(option.name.utf8), option.words.map { Array($0.utf8) }, place: "--\(option.name)")
    }
    return try reader.checked()
  }

  private static func option(
    _ word: String, _ rest: inout ArraySlice<String>
  ) throws(StartError) -> Option {
    let body = String(word.dropFirst(2))
    if let equals = body.firstIndex(of: "="), !body[..<equals].contains(" ") {
      let value = String(body[body.index(after: equals)...])
      return Option(name: String(body[..<equals]), words: [value])
    }
    guard let parts = Words.split(body) else {
      throw StartError("'\(SettingsReader.short(word))': unbalanced quotes")
    }
    var words = parts.map { String(decoding: $0, as: UTF8.self) }
    guard !words.isEmpty else {
      throw StartError("'\(SettingsReader.short(word))' names no option")
    }
    var option = Option(name: words.removeFirst(), words: [])
    option.words = words
    // `--save` alone means none: people build command lines from empty lists.
    let mayLackValue = option.name.lowercased() == "save"
    if option.words.isEmpty {
      if mayLackValue, rest.first.map({ $0.hasPrefix("--") }) ?? true {
        option.words = [""]
        return option
      }
      if let value = rest.popFirst() { option.words.append(value) }
    }
    while let value = rest.first, !value.hasPrefix("--") {
      option.words.append(value)
      rest.removeFirst()
    }
    return option
  }

  private static func path(_ rest: inout ArraySlice<String>) -> String? {
    guard let next = rest.first, !next.hasPrefix("-") else { return nil }
    rest.removeFirst()
    return next
  }
}

// MARK: Help

extension StartArguments {
  /// The text of `--help`, from the table of directives.
  static var help: String {
    var text = """
      usage: martlet-server [FILE] [--name value ...]...
             martlet-server [FILE] --check-log [DIR]   verify the log
             martlet-server [FILE] --export [DIR]      write the data for redis-cli --pipe
             martlet-server [FILE] --repair [DIR]      keep what is good of a damaged log
             martlet-server [FILE] --import DUMP [--import-skip-unknown] [--dir DIR]
                                                       take the data of Redis or Valkey: an RDB or
                                                       append-only file, or the appendonlydir
             martlet-server --help | --version

      FILE has a line `name value ...` for each option, as redis.conf has. Options:


      """
    for directive in Directive.all where directive.hasEffect {
      text += "  --\(directive.name) \(directive.form)"
      if directive.isListed, !directive.isSecret {
        let value = directive.line(Settings()) ?? ""
        text += "  [\(value)]"
      }
      text += "\n      \(directive.help)\n"
    }
    text += "\nAccepted for compatibility, shown by CONFIG GET, without effect here:\n\n"
    for directive in Directive.all where !directive.hasEffect {
      text += "  --\(directive.name) \(directive.form)\n"
      if let colon = directive.help.firstIndex(of: ":") {
        text += "      \(directive.help[directive.help.index(colon, offsetBy: 2)...])\n"
      }
    }
    return text
  }
}
