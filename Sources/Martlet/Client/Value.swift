// Value.swift: one value of a reply.

/// One value of a reply.
public enum Value: Sendable, Hashable {
  /// Nothing: no such key, or nothing came in time.
  case null
}
