// Power.swift: the C library's functions that instructions use.

import Glibc

extension Arithmetic {
  static func power(_ a: Double, _ b: Double) -> Double { b == 2 ? a * a : pow(a, b) }
}
