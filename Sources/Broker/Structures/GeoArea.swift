// GeoArea.swift: circles and boxes on earth: which places are inside, and which cells to look for them in.
//
// Distances are those of a sphere, by the haversine formula, which keeps its digits where places are
// near. The order of the cells and every rounding are those of Redis, so that results come in its order
// and places at the very edge fall on its side.

import Glibc

extension GeoPlace {
  /// The quadratic mean of the earth's radii, in metres.
  static let earthRadius = 6_372_797.560856
  static let radiansPerDegree = Double.pi / 180

  /// The way to another place along a great circle, in metres: at most half of one.
  func distance(to other: GeoPlace) -> Double {
    let degree = Self.radiansPerDegree
    let v = sin((other.longitude * degree - longitude * degree) / 2)
    guard v != 0 else { return distanceNorth(to: other) }
    let south = latitude * degree, north = other.latitude * degree
    let u = sin((north - south) / 2)
    let a = u * u + cos(south) * cos(north) * v * v
    // On the other side of the world `a` may be rounded to more than 1.
    return 2 * Self.earthRadius * asin(min(1, a.squareRoot()))
  }

  /// How much farther north or south another place is, in metres.
  func distanceNorth(to other: GeoPlace) -> Double {
    let degree = Self.radiansPerDegree
    return Self.earthRadius * abs(other.latitude * degree - latitude * degree)
  }
}

struct GeoArea {
  /// Lengths are in the area's unit, not negative, and may be infinite.
  enum Shape {
    case circle(radius: Double)
    case box(width: Double, height: Double)
  }

  /// On the grid.
  let center: GeoPlace
  let shape: Shape
  /// Metres of one unit.
  let unit: Double

  /// How far from the centre `place` is, in metres; nil when it is outside.
  func distance(to place: GeoPlace) -> Double? {
    switch shape {
    case .circle(let radius):
      let distance = center.distance(to: place)
      return distance > radius * unit ? nil : distance
    case .box(let width, let height):
      guard center.distanceNorth(to: place) <= height * unit / 2 else { return nil }
      let below = GeoPlace(longitude: center.longitude, latitude: place.latitude)
      guard place.distance(to: below) <= width * unit / 2 else { return nil }
      return center.distance(to: place)
    }
  }

  // MARK: Cells

  /// The cells in which all places of the area are, none of them twice: that of the centre and those of
  /// its eight neighbors which the area may reach into. They are about as wide as the area.
  ///
  /// The cells beyond the last column and row are among them only if the centre is in one.
  var cover: [GeoCell] {
    let bounds = self.bounds
    var cell = GeoCell(of: center, steps: steps)
    if cell.steps > 1, !Self.reach(of: cell, contains: bounds) {
      cell = GeoCell(of: center, steps: cell.steps - 1)
    }
    var cells = [cell]
    for (east, north) in Self.directions {
      if cell.steps > 1 {
        // What ends within the cell on one side does not reach the neighbors there.
        if north < 0, cell.south < bounds.south { continue }
        if north > 0, cell.north > bounds.north { continue }
        if east < 0, cell.west < bounds.west { continue }
        if east > 0, cell.east > bounds.east { continue }
      }
      // In a grid of one step both neighbors of an axis are the same cell.
      let neighbor = cell.neighbor(east: east, north: north)
      if neighbor != cells.last { cells.append(neighbor) }
    }
    return cells
  }

  private static let directions: [(east: Int32, north: Int32)] = [
    (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1),
  ]

  private struct Bounds {
    let west: Double, east: Double, south: Double, north: Double
  }

  /// About where the area ends on each side, in degrees, on the grid or beyond; not a number where an
  /// infinite one does.
  private var bounds: Bounds {
    let width: Double, height: Double
    switch shape {
    case .circle(let radius): (width, height) = (unit * radius, unit * radius)
    case .box(let across, let along): (width, height) = (unit * (across / 2), unit * (along / 2))
    }
    let degree = GeoPlace.radiansPerDegree
    let latitude = center.latitude
    let tall = height / GeoPlace.earthRadius / degree
    // At the edge farther from the equator, where meridians are nearer to each other.
    let narrow = latitude < 0 ? latitude - tall : latitude + tall
    let wide = width / GeoPlace.earthRadius / cos(narrow * degree) / degree
    return Bounds(
      west: center.longitude - wide, east: center.longitude + wide, south: latitude - tall,
      north: latitude + tall)
  }

  /// Whether what lies within `bounds` is in `cell` or next to it.
  private static func reach(of cell: GeoCell, contains bounds: Bounds) -> Bool {
    !(cell.neighbor(east: 0, north: 1).north < bounds.north
      || cell.neighbor(east: 0, north: -1).south > bounds.south
      || cell.neighbor(east: 1, north: 0).east < bounds.east
      || cell.neighbor(east: -1, north: 0).west > bounds.west)
  }

  /// Half the width of a square map of the world, in metres.
  private static let mapRadius = 20_037_726.37

  /// The grid whose cells are about as wide as the area.
  private var steps: Int {
    var radius: Double
    switch shape {
    case .circle(let length): radius = length
    case .box(let width, let height):
      radius = ((width / 2) * (width / 2) + (height / 2) * (height / 2)).squareRoot()
    }
    radius *= unit
    guard radius > 0 else { return GeoCell.stepsMax }
    var steps = -1
    while radius < Self.mapRadius, steps < GeoCell.stepsMax + 2 {
      radius *= 2
      steps += 1
    }
    // Cells are narrower towards the poles.
    let latitude = abs(center.latitude)
    if latitude > 66 { steps -= 1 }
    if latitude > 80 { steps -= 1 }
    return min(max(steps, 1), GeoCell.stepsMax)
  }
}
