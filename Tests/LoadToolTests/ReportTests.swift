// ReportTests.swift: what reports are made of.

import Testing

@testable import LoadTool

@Test func textInJSONIsQuoted() {
  #expect(JSONText.quoted("a\"b\\c\n\u{1}é") == "\"a\\\"b\\\\c\\n\\u0001é\"")
  var json = JSONText()
  json.object { json in
    json.string("name", nil)
    json.array("empty") { _ in }
    json.array("list") { json in
      json.integer(nil, 1)
      json.number(nil, .infinity)
      json.boolean(nil, true)
    }
    json.numbers("numbers", [1, 2.25])
  }
  let compact = json.text.filter { !$0.isWhitespace }
  #expect(
    compact == #"{"name":null,"empty":[],"list":[1,null,true],"numbers":[1.0,2.3]}"#)
}

@Test func axesReachOverTheirValuesWithFewTicks() {
  for high in [0.3, 1, 7, 99, 1234, 5.1e6] {
    let axis = Axis.linear(to: high) { "\($0)" }
    #expect(axis.high >= high && axis.low == 0)
    #expect((3...7).contains(axis.ticks.count), "\(high)")
    #expect(axis.place(axis.high) == 1)
  }
  for (low, high) in [(20_000.0, 90_000.0), (1, 1), (3e4, 5e10)] {
    let axis = Axis.logarithmic(low, high) { "\($0)" }
    #expect(axis.low <= low && axis.high >= high)
    #expect((2...9).contains(axis.ticks.count), "\(low) to \(high)")
  }
}

@Test func barsAddUpInTheirColumns() {
  var histogram = Histogram()
  histogram.record(1000, times: 8)
  histogram.record(100_000, times: 1)
  let scale = Drawing.Scale(low: 1000, high: 100_000, columns: 20)
  let bars = Drawing.bars(histogram, scale)
  #expect(bars.count == 20)
  #expect(bars.first == "█")
  #expect(bars.last == "▁")
  #expect(bars.dropFirst().dropLast().allSatisfy { $0 == " " })
}

@Test func whatServersQuoteOfArgumentsIsLeftOut() {
  let failure = Failure.unknownCommand(
    "ERR unknown command 'X', with args beginning with: 'a' '\u{7}'")
  #expect(failure.text == "ERR unknown command 'X'")
}

/// Goal: each workload can be made, measures something, and touches keys of ours alone.
@Test(arguments: Catalogue.all.map(\.name))
func workloadsAreWhole(name: String) throws {
  var parameters = Parameters()
  parameters.delay = 50
  let workload = try #require(Catalogue.make(name, parameters))
  #expect(workload.name == name)
  #expect(workload.roles.count { $0.isOffered } == 1)
  let steps = workload.roles.flatMap(\.steps)
  let recorded = Set(
    steps.compactMap(\.series) + steps.compactMap(\.deliverySeries)
      + workload.roles.compactMap(\.cycleSeries))
  #expect(recorded == Set(workload.series.indices))
  for words in steps.map(\.template.text) where words != "PING" && !workload.isText {
    #expect(words.contains(Catalogue.prefix) || words.contains("{value}"), "\(words)")
  }
  let keys = workload.keys
  let names = keys.names + keys.queues + (keys.numbered.map { [$0.prefix] } ?? [])
  #expect(names.allSatisfy { $0.hasPrefix(Catalogue.prefix) })
  #expect(name == "ping" || workload.isText || !names.isEmpty)
}

/// Goal: at a rate, all threads together send at its times. Method: their shares, put together.
@Test func threadsShareARate() {
  var due: [Int64] = []
  for thread in 0..<3 {
    var pace = Pace(rate: 1000, thread: thread, threadCount: 3, begin: 500, count: 10)
    while pace.available(at: .max / 4, limit: 5) > 0 { due.append(pace.due(pace.take(1))) }
  }
  #expect(due.sorted() == (0..<10).map { 500 + Int64($0) * 1_000_000 })
  var pace = Pace(rate: 1000, thread: 0, threadCount: 1, begin: 0, count: nil)
  #expect(pace.available(at: -1, limit: 9) == 0)
  #expect(pace.available(at: 2_500_000, limit: 9) == 3)
  #expect(pace.available(at: 2_500_000, limit: 2) == 2)
  #expect(pace.take(3) == 0)
  #expect(pace.available(at: 2_999_999, limit: 9) == 0)
}
