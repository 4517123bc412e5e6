// Jobs.swift: the jobs that the API adds and the worker does.

import Foundation
import Martlet

/// Sent once to each new user.
public struct WelcomeMail: Job {
  public static let name = "welcome-mail"
  public static let options = JobOptions(queue: "mail", timeout: .seconds(30))

  public var user: String

  public init(user: String) { self.user = user }

  /// Whoever signs up twice gets one.
  public var unique: UniqueKey? { "\(user)" }
}

/// Makes a picture small, and says where it is.
public struct ResizeAvatar: Job {
  public struct Output: Codable, Sendable, Equatable {
    public var path: String

    public init(path: String) { self.path = path }
  }

  public static let name = "resize-avatar"
  public static let options = JobOptions(
    queue: "images", retry: .exponential(from: .milliseconds(100), attempts: 5))

  public var user: String
  public var size: Int

  public init(user: String, size: Int) {
    self.user = user
    self.size = size
  }
}

/// Done at a fixed rhythm: each adds the next one, which waits in the broker and survives restarts.
public struct Report: Job {
  public static let name = "report"
  public static let options = JobOptions(queue: "mail")

  public var due: Date
  public var every: Double

  public init(due: Date, every: Double) {
    self.due = due
    self.every = every
  }

  /// However many workers start it, each is there once.
  public func add(to client: MartletClient) async throws {
    let key = UniqueKey(
      "report \(Int64(due.timeIntervalSince1970 * 1000))", hold: .lasting(.seconds(3600)))
    try await client.enqueue(self, at: due, unique: key)
  }

  /// The one after this.
  public var next: Report { Report(due: due.addingTimeInterval(every), every: every) }
}
