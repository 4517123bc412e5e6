// GeoCell.swift: cells of a grid over the world, numbered so that near ones mostly have near numbers.
//
// A grid of `steps` halves longitudes and latitudes so many times: 2^steps columns from west to east and
// as many rows from south to north. A cell's number takes the bits of both by turns, a column's first:
//
//     column   c25     …  c1    c0
//     row          r25 …     r1    r0
//     number   c25 r25 …  c1 r1 c0 r0      the finest grid, 26 steps: 52 bits
//
// The cells of the finest grid that lie in a cell of a coarser one have numbers that begin with its own:
// they are one range. 52 bits are exact in a double, so a number can be the score of a member of a sorted
// set.
// The rows end where the square maps of the web do: there is no cell at the poles.

import RESP

/// A place on earth, in degrees.
struct GeoPlace: Equatable {
  static let longitudes = -180.0...180.0
  static let latitudes = -85.05112878...85.05112878

  let longitude: Double
  let latitude: Double

  var isOnGrid: Bool {
    Self.longitudes.contains(longitude) && Self.latitudes.contains(latitude)
  }

  /// The geohash that maps elsewhere know: of a grid of its own, whose rows go from pole to pole. The
  /// last of its 11 characters has no bits left and is always 0.
  var text: [UInt8] {
    let alphabet = ByteView("0123456789bcdefghjkmnpqrstuvwxyz")
    let number = GeoCell(of: self, steps: GeoCell.stepsMax, latitudes: -90.0...90.0).number
    return (1...10).map { alphabet[Int(number >> UInt64(52 - 5 * $0) & 31)] } + [alphabet[0]]
  }
}

struct GeoCell: Equatable {
  static let stepsMax = 26

  /// Columns west of it. A place on the eastern edge of the world is in one beyond the last column.
  let column: UInt32
  /// Rows south of it. A place on the northern edge of the grid is in one beyond the last row.
  let row: UInt32
  /// 1 ... stepsMax
  let steps: Int

  private init(column: UInt32, row: UInt32, steps: Int) {
    (self.column, self.row, self.steps) = (column, row, steps)
  }

  /// The cell of `place`, which is on the grid.
  init(
    of place: GeoPlace, steps: Int, latitudes: ClosedRange<Double> = GeoPlace.latitudes
  ) {
    precondition((1...Self.stepsMax).contains(steps) && place.isOnGrid)
    func count(_ value: Double, _ range: ClosedRange<Double>) -> UInt32 {
      let share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
      return UInt32(share * Double(1 << steps))
    }
    self.init(
      column: count(place.longitude, GeoPlace.longitudes), row: count(place.latitude, latitudes),
      steps: steps)
  }

  // MARK: Numbers

  /// The cell of the finest grid that `score` numbers. Any score is good: fractions are cut off, and
  /// what is below 0 or beyond 64 bits becomes what a conversion by the processor makes of it.
  init(score: Double) {
    let number: UInt64
    if score < 0x1p63 {
      number = UInt64(bitPattern: score >= -0x1p63 ? Int64(score) : .min)
    } else {
      number = score < 0x1p64 ? UInt64(score) : 0
    }
    self.init(
      column: Self.everySecond(number >> 1), row: Self.everySecond(number), steps: Self.stepsMax)
  }

  var number: UInt64 { Self.spread(column) << 1 | Self.spread(row) }

  /// The number as a score.
  var score: Double { Double(number) }

  /// The numbers of its part of the finest grid, as scores.
  var scores: Range<Double> {
    let shift = UInt64(2 * (Self.stepsMax - steps))
    return Double(number << shift)..<Double((number + 1) << shift)
  }

  /// Bits 0, 1, 2 … of `bits` at 0, 2, 4 …
  private static func spread(_ bits: UInt32) -> UInt64 {
    var spread = UInt64(bits)
    spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF
    spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
    spread = (spread | spread << 4) & 0x0F0F_0F0F_0F0F_0F0F
    spread = (spread | spread << 2) & 0x3333_3333_3333_3333
    return (spread | spread << 1) & 0x5555_5555_5555_5555
  }

  /// Bits 0, 2, 4 … of `bits` at 0, 1, 2 …
  private static func everySecond(_ bits: UInt64) -> UInt32 {
    var bits = bits & 0x5555_5555_5555_5555
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333
    bits = (bits | bits >> 2) & 0x0F0F_0F0F_0F0F_0F0F
    bits = (bits | bits >> 4) & 0x00FF_00FF_00FF_00FF
    bits = (bits | bits >> 8) & 0x0000_FFFF_0000_FFFF
    return UInt32(truncatingIfNeeded: bits | bits >> 16)
  }

  // MARK: Where it lies

  var west: Double { Self.edge(column, steps, GeoPlace.longitudes) }
  var east: Double { Self.edge(column &+ 1, steps, GeoPlace.longitudes) }
  var south: Double { Self.edge(row, steps, GeoPlace.latitudes) }
  var north: Double { Self.edge(row &+ 1, steps, GeoPlace.latitudes) }

  private static func edge(_ count: UInt32, _ steps: Int, _ range: ClosedRange<Double>) -> Double {
    let share = Double(count) / Double(1 << steps)
    return range.lowerBound + share * (range.upperBound - range.lowerBound)
  }

  /// Its middle; at the edge of the grid where that would lie beyond.
  var middle: GeoPlace {
    func clamped(_ value: Double, _ range: ClosedRange<Double>) -> Double {
      min(max(value, range.lowerBound), range.upperBound)
    }
    return GeoPlace(
      longitude: clamped((west + east) / 2, GeoPlace.longitudes),
      latitude: clamped((south + north) / 2, GeoPlace.latitudes))
  }

  /// Its four cells of the next finer grid, in the order of their numbers.
  var quarters: [GeoCell] {
    (0..<4).map { (number: UInt32) in
      GeoCell(
        column: column << 1 | number >> 1, row: row << 1 | number & 1, steps: steps + 1)
    }
  }

  /// The cell `east` columns and `north` rows from it. Behind the last column or row comes the first.
  func neighbor(east: Int32, north: Int32) -> GeoCell {
    let mask = UInt32(1) << UInt32(steps) - 1
    func moved(_ count: UInt32, by distance: Int32) -> UInt32 {
      distance == 0 ? count : (count &+ UInt32(bitPattern: distance)) & mask
    }
    return GeoCell(
      column: moved(column, by: east), row: moved(row, by: north), steps: steps)
  }
}
