// GeoCellTests.swift: the grid: numbers, edges and neighbors of its cells.

import RESP
import Testing

@testable import Broker

/// A number made bit by bit: the column's next, then the row's, from the highest.
private func naiveNumber(of place: GeoPlace, steps: Int) -> UInt64 {
  var west = -180.0, east = 180.0, south = -85.05112878, north = 85.05112878
  var number: UInt64 = 0
  for _ in 0..<steps {
    let meridian = (west + east) / 2, parallel = (south + north) / 2
    let isEast = place.longitude >= meridian, isNorth = place.latitude >= parallel
    number = number << 2 | (isEast ? 2 : 0) | (isNorth ? 1 : 0)
    (west, east) = isEast ? (meridian, east) : (west, meridian)
    (south, north) = isNorth ? (parallel, north) : (south, parallel)
  }
  return number
}

private func randomPlace(_ random: inout SplitMix64) -> GeoPlace {
  GeoPlace(
    longitude: Double.random(in: -179.9...179.9, using: &random),
    latitude: Double.random(in: -85...85, using: &random))
}

/// Goal: a number halves the world so many times. Method: random places in grids of all sizes, and the
/// same bit by bit.
@Test(arguments: [1, 2, 3] as [UInt64])
func aCellsNumberIsItsPlaceBitByBit(seed: UInt64) {
  var random = SplitMix64(seed: seed)
  for step in 0..<5_000 {
    let place = randomPlace(&random), steps = step % GeoCell.stepsMax + 1
    let cell = GeoCell(of: place, steps: steps)
    #expect(cell.number == naiveNumber(of: place, steps: steps), "seed \(seed), step \(step)")
    #expect(cell.west <= place.longitude && place.longitude < cell.east)
    #expect(cell.south <= place.latitude && place.latitude < cell.north)
    // The finest cell's number is among those of each coarser one, and gives the cell back.
    let finest = GeoCell(of: place, steps: GeoCell.stepsMax)
    #expect(cell.scores.contains(finest.score))
    #expect(GeoCell(score: finest.score) == finest)
    #expect(GeoCell(score: finest.score + 0.5) == finest)
    #expect(place.distance(to: finest.middle) < 0.6, "seed \(seed), step \(step)")
  }
}

@Test func quartersCutTheNumbersOfACell() {
  var random = SplitMix64(seed: 1)
  for steps in 1..<GeoCell.stepsMax {
    let cell = GeoCell(of: randomPlace(&random), steps: steps)
    var end = cell.scores.lowerBound
    for quarter in cell.quarters {
      #expect(quarter.scores.lowerBound == end)
      end = quarter.scores.upperBound
      #expect(quarter.west >= cell.west && quarter.east <= cell.east)
      #expect(quarter.south >= cell.south && quarter.north <= cell.north)
    }
    #expect(end == cell.scores.upperBound)
  }
}

/// Goal: neighbors touch, and the world is round. Method: random cells, and what is a little beyond their
/// edges.
@Test func neighborsAreBesideACell() {
  var random = SplitMix64(seed: 2)
  for step in 0..<2_000 {
    let steps = step % GeoCell.stepsMax + 1
    let cell = GeoCell(of: randomPlace(&random), steps: steps)
    let east = cell.neighbor(east: 1, north: 0), north = cell.neighbor(east: 0, north: 1)
    #expect(east.west == (cell.east == 180 ? -180 : cell.east))
    #expect(east.south == cell.south && east.north == cell.north)
    #expect(north.south == (cell.row == 1 << UInt32(steps) - 1 ? -85.05112878 : cell.north))
    #expect(north.west == cell.west && north.east == cell.east)
    #expect(east.neighbor(east: -1, north: 0) == cell)
    #expect(north.neighbor(east: 0, north: -1) == cell)
    #expect(cell.neighbor(east: -1, north: 1) == north.neighbor(east: -1, north: 0))
  }
}

/// Noted from redis-server.
@Test func knownPlacesHaveKnownNumbers() {
  let palermo = GeoPlace(longitude: 13.361389, latitude: 38.115556)
  let cell = GeoCell(of: palermo, steps: GeoCell.stepsMax)
  #expect(cell.number == 3_479_099_956_230_698)
  #expect(String(decoding: cell.middle.text, as: UTF8.self) == "sqc8b49rny0")
  let catania = GeoPlace(longitude: 15.087269, latitude: 37.502669)
  #expect(GeoCell(of: catania, steps: GeoCell.stepsMax).number == 3_479_447_370_796_909)
  let northEast = GeoPlace(longitude: 180, latitude: 85.05112878)
  #expect(GeoCell(of: northEast, steps: GeoCell.stepsMax).number == 13_510_798_882_111_488)
}

/// Any sorted set may be asked for places.
@Test func everyScoreIsAPlaceOnTheGrid() {
  var random = SplitMix64(seed: 3)
  var scores = [0, -0.0, 0.5, -1, 0x1p52, 0x1p63, 0x1p64, 1e300, -1e300, .infinity, -.infinity]
  scores += (0..<1_000).map { _ in Double(bitPattern: random.next()) }.filter { !$0.isNaN }
  for score in scores { #expect(GeoCell(score: score).middle.isOnGrid, "\(score)") }
  #expect(GeoCell(score: -1).number == .max)
  #expect(GeoCell(score: -.infinity).number == 1 << 63)
  #expect(GeoCell(score: .infinity).number == 0)
}
