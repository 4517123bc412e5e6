// GeoReach.swift: the search of an area in places that are in the order of their cells.
//
// The cover of an area is a few cells about as wide as it. Where many places are in one of them, as around
// a long thin box or in a crowded town, it is cut into quarters, and those that the area does not reach
// into are left out: what is looked at grows with what is in the area, not with what the world holds.
// Quarters come in the order of their numbers, so the places that are left come in the order that they
// would have come in anyway.

import Glibc

extension GeoArea {
  /// Places of a cell that are looked at one by one, rather than to cut it.
  private static let countMax = 128

  /// Calls `visit` with runs of ranks that have all places of the area, and some near it, until it
  /// returns false.
  ///
  /// - Parameter ranks: the ranks of the places whose scores are in a range.
  func forEachRun(
    _ ranks: (Range<Double>) -> Range<Int>, _ visit: (Range<Int>) -> Bool
  ) {
    let reach = GeoReach(of: self)
    for cell in cover where !Self.search(cell, reach, ranks, visit) { return }
  }

  /// - Returns: false when `visit` did.
  private static func search(
    _ cell: GeoCell, _ reach: GeoReach, _ ranks: (Range<Double>) -> Range<Int>,
    _ visit: (Range<Int>) -> Bool
  ) -> Bool {
    let run = ranks(cell.scores)
    guard !run.isEmpty else { return true }
    guard run.count > countMax, cell.steps < GeoCell.stepsMax, !reach.holds(cell) else {
      return visit(run)
    }
    for quarter in cell.quarters where reach.meets(quarter) {
      guard search(quarter, reach, ranks, visit) else { return false }
    }
    return true
  }
}

/// How far an area reaches from its centre: no place of it is farther to any side.
struct GeoReach {
  private let center: GeoPlace
  /// To the north and to the south, and to the east and to the west, in degrees.
  private let north: Double, east: Double

  /// What roundings may come to, in degrees: a tenth of a millimetre.
  private static let margin = 1e-9

  init(of area: GeoArea) {
    let metresPerDegree = GeoPlace.earthRadius * GeoPlace.radiansPerDegree
    center = area.center
    switch area.shape {
    case .circle(let radius):
      north = radius * area.unit / metresPerDegree + Self.margin
      // Where a meridian touches the circle.
      east = Self.angle(north, over: abs(center.latitude), touching: north)
    case .box(let width, let height):
      north = height * area.unit / 2 / metresPerDegree + Self.margin
      // Half a parallel's chord, at the edge that is nearer to a pole.
      let quarter = width * area.unit / 4 / metresPerDegree + Self.margin
      east = 2 * Self.angle(quarter, over: abs(center.latitude) + north, touching: 0)
    }
  }

  /// The difference of longitudes that belongs to an `angle` at a latitude; half a turn where the angle
  /// is too wide for one, or the area goes by a pole.
  private static func angle(
    _ angle: Double, over latitude: Double, touching radius: Double
  ) -> Double {
    guard angle < 90, latitude + radius < 90 else { return 180 }
    let degree = GeoPlace.radiansPerDegree
    let ratio = sin(angle * degree) / cos(latitude * degree)
    return ratio < 1 ? asin(ratio) / degree + margin : 180
  }

  /// Whether a place of the area may be in `cell`.
  func meets(_ cell: GeoCell) -> Bool {
    let (west, east, south, north) = Self.edges(cell)
    guard south <= center.latitude + self.north, north >= center.latitude - self.north else {
      return false
    }
    if (west...east).contains(center.longitude) { return true }
    return min(apart(west), apart(east)) <= self.east
  }

  /// Whether no place of `cell` is farther from the centre than the reach: little is gained by cutting it.
  func holds(_ cell: GeoCell) -> Bool {
    let (west, east, south, north) = Self.edges(cell)
    return north <= center.latitude + self.north && south >= center.latitude - self.north
      && max(apart(west), apart(east)) <= self.east
  }

  /// Degrees between the centre's meridian and another, either way round.
  private func apart(_ longitude: Double) -> Double {
    let difference = abs(longitude - center.longitude)
    return min(difference, 360 - difference)
  }

  /// The edges of what `cell` stands for: beyond the grid there is only the grid's own edge.
  private static func edges(
    _ cell: GeoCell
  ) -> (west: Double, east: Double, south: Double, north: Double) {
    let longitudes = GeoPlace.longitudes, latitudes = GeoPlace.latitudes
    return (
      min(cell.west, longitudes.upperBound), min(cell.east, longitudes.upperBound),
      min(cell.south, latitudes.upperBound), min(cell.north, latitudes.upperBound)
    )
  }
}
