// GeoAreaTests.swift: which places an area has, and how many are looked at to find them.

import Testing

@testable import Broker

/// Places in the order of their cells, as a sorted set has them.
private struct World {
  let scores: [Double]

  init(_ places: [GeoPlace]) {
    scores = places.map { GeoCell(of: $0, steps: GeoCell.stepsMax).score }.sorted()
  }

  func ranks(_ range: Range<Double>) -> Range<Int> {
    func count(below limit: Double) -> Int {
      var low = 0, high = scores.count
      while low < high {
        let middle = (low + high) / 2
        if scores[middle] < limit { low = middle + 1 } else { high = middle }
      }
      return low
    }
    return count(below: range.lowerBound)..<count(below: range.upperBound)
  }

  /// The ranks of the places that are in `area`, as they are found, and how many were looked at.
  func search(_ area: GeoArea) -> (found: [Int], looked: Int) {
    var found: [Int] = [], looked = 0
    area.forEachRun(ranks) { run in
      looked += run.count
      found += run.filter { area.distance(to: GeoCell(score: scores[$0]).middle) != nil }
      return true
    }
    return (found, looked)
  }

  /// The ranks of all places that are in `area`.
  func inside(_ area: GeoArea) -> [Int] {
    scores.indices.filter { area.distance(to: GeoCell(score: scores[$0]).middle) != nil }
  }
}

private func randomArea(
  around longitudes: ClosedRange<Double>, _ latitudes: ClosedRange<Double>,
  sizeMax: Double, _ random: inout SplitMix64
) -> GeoArea {
  let center = GeoPlace(
    longitude: Double.random(in: longitudes, using: &random),
    latitude: Double.random(in: latitudes, using: &random))
  // Most are small: sizes of all orders are as likely.
  func size() -> Double { sizeMax / Double(1 << Int.random(in: 0...14, using: &random)) }
  let shape: GeoArea.Shape =
    Bool.random(using: &random) ? .circle(radius: size()) : .box(width: size(), height: size())
  return GeoArea(center: center, shape: shape, unit: 1000)
}

/// Goal: a search finds what looking at every place finds, once. Method: random circles and boxes of all
/// sizes, over the whole world and over a crowded town, whose cells are cut.
@Test(arguments: [1, 2, 3, 4] as [UInt64])
func aSearchFindsAllPlacesOfTheArea(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  for (longitudes, latitudes, sizeMax) in [
    (-180.0...179.99, -70.0...70.0, 2_000.0), (13.0...13.8, 52.0...53.0, 60.0),
    (179.0...179.99, -1.0...1.0, 100.0),
  ] {
    let world = World(
      (0..<3_000).map { _ in
        GeoPlace(
          longitude: Double.random(in: longitudes, using: &random),
          latitude: Double.random(in: latitudes, using: &random))
      })
    for step in 0..<60 {
      let area = randomArea(around: longitudes, latitudes, sizeMax: sizeMax, &random)
      let found = world.search(area).found
      #expect(
        found.sorted() == world.inside(area), "seed \(seed), step \(step): \(area)")
    }
  }
}

/// Goal: cutting cells leaves out nothing that they have, and changes no order. Method: areas anywhere, those
/// over a pole too; the cells of the cover looked at whole.
@Test(arguments: [1, 2, 3, 4] as [UInt64])
func cuttingCellsChangesNoResult(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  let latitudes = seed % 2 == 0 ? 70.0...85.05 : -85.05...85.05
  let world = World(
    (0..<4_000).map { _ in
      GeoPlace(
        longitude: Double.random(in: -180...180, using: &random),
        latitude: Double.random(in: latitudes, using: &random))
    })
  for step in 0..<100 {
    let area = randomArea(around: -180...180, latitudes, sizeMax: 25_000, &random)
    let whole = area.cover.flatMap { world.ranks($0.scores) }
      .filter { area.distance(to: GeoCell(score: world.scores[$0]).middle) != nil }
    #expect(world.search(area).found == whole, "seed \(seed), step \(step): \(area)")
    #expect(Set(whole).count == whole.count, "seed \(seed), step \(step): \(area)")
  }
}

/// Goal: what is looked at grows with what is in the area. Method: a town of many places; small circles and
/// boxes, wide and flat ones too.
@Test func aSmallAreaLooksAtFewPlaces() {
  var random = SplitMix64(seed: 5)
  let world = World(
    (0..<100_000).map { _ in
      GeoPlace(
        longitude: Double.random(in: 13.0...13.8, using: &random),
        latitude: Double.random(in: 52.2...52.7, using: &random))
    })
  let center = GeoPlace(longitude: 13.4, latitude: 52.45)
  for shape in [
    .circle(radius: 0), .circle(radius: 10), .circle(radius: 300), .circle(radius: 5_000),
    .box(width: 54_000, height: 1), .box(width: 1, height: 55_000), .box(width: 500, height: 40),
  ] as [GeoArea.Shape] {
    let area = GeoArea(center: center, shape: shape, unit: 1)
    let (found, looked) = world.search(area)
    // A line through the town crosses about as many small cells as the root of the places comes to.
    #expect(looked <= 2 * found.count + 4_000, "\(shape): \(looked) for \(found.count)")
  }
}

@Test func aVisitorMayEndTheSearch() {
  let places = (0..<1_000).map { GeoPlace(longitude: Double($0) / 1_000, latitude: 0) }
  var visits = 0
  GeoArea(center: places[0], shape: .circle(radius: 500), unit: 1000)
    .forEachRun(World(places).ranks) { _ in
      visits += 1
      return false
    }
  #expect(visits == 1)
}

/// Noted from redis-server, but for the last one: on the other side of the world it would be no number.
@Test func distancesAreThoseOfASphere() {
  let palermo = GeoPlace(longitude: 13.361389338970184, latitude: 38.1155563954963)
  let catania = GeoPlace(longitude: 15.087267458438873, latitude: 37.50266842333162)
  #expect(abs(palermo.distance(to: catania) - 166_274.1516) < 0.0001)
  #expect(palermo.distance(to: palermo) == 0)
  #expect(palermo.distance(to: catania) == catania.distance(to: palermo))
  for latitude in stride(from: -85.0, through: 85, by: 0.01) {
    let place = GeoPlace(longitude: -40, latitude: latitude)
    let other = GeoPlace(longitude: 140, latitude: -latitude)
    #expect(place.distance(to: other) > 20_020_000, "\(latitude)")
  }
}
