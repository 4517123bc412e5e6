// ValueTests.swift: what replies are read as.

import Martlet
import Testing

@Test func nullIsNull() { #expect(Value.null == .null) }
