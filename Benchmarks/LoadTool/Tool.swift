// Tool.swift: a run of the tool: arguments in, reports and exit code out.
//
// Exit codes: 0 all was measured, or lacked by the server; 1 something failed; 2 bad arguments.

public enum Tool {
  public static func main(_ arguments: [String]) -> Int32 {
    let options: Options
    do throws(Options.Mistake) { options = try Options(arguments) } catch {
      return fail(error.message, 2)
    }
    switch options.action {
    case .help: Screen.print(Help.text)
    case .version: Screen.print("martlet-benchmark \(Help.version)")
    case .list: Screen.print(Help.list)
    case .measure:
      Interruption.watch()
      return Run(options, arguments).execute()
    }
    return 0
  }

  static func fail(_ message: String, _ code: Int32) -> Int32 {
    Screen.note("martlet-benchmark: \(message)")
    return code
  }
}
