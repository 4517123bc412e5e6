// ProgressLine.swift: what is going on, in one line.

extension Progress {
  var text: String {
    let seconds = max(0, seconds)
    let rate = seconds > 0 ? Format.grouped(Double(completed) / seconds) : "0"
    let of = load.count.map { " of \(Format.grouped(Double($0)))" } ?? ""
    let time =
      load.count == nil
      ? "\(Format.fixed(min(seconds, load.duration), 1)) of \(Format.seconds(load.duration))"
      : "\(Format.fixed(seconds, 1)) s"
    let round = round == 0 ? "warming up" : "round \(round) of \(roundCount)"
    return "\(workload.name), \(facts.name), \(round), \(time): "
      + "\(Format.grouped(Double(completed)))\(of) \(workload.unit), \(rate) a second"
  }
}
