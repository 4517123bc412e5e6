// KeyEvents.swift: what befalls keys, published to who listens.
//
// An event goes to `__keyspace@<db>__:<key>` with the event's name and to `__keyevent@<db>__:<event>`
// with the key, as `notify-keyspace-events` asks. Commands say `c.notify(.list, "lpush", key)` next to
// `c.modified(key)`, in the order in which Redis tells of what they did. With the setting empty that
// is one test of a field.

import RESP

extension Context {
  /// Says that `event` befell `key`: published if the settings ask for its class.
  @inline(__always)
  mutating func notify(
    _ kind: Settings.Notifications, _ event: StaticString, _ key: Key, in database: Int? = nil
  ) {
    if !notifications.isDisjoint(with: kind) {
      publishEvent(ByteView(event), key.bytes, in: database ?? self.database)
    }
  }

  /// Says that `key` is about to get a value from a command that does not look whether it had one.
  @inline(__always)
  mutating func notifyIfNew(_ key: Key) {
    if !notifications.isEmpty { lookBeforeOverwriting(key) }
  }

  private mutating func lookBeforeOverwriting(_ key: Key) {
    guard peek(key) == nil else { return }
    notify(.new, "new", key)
  }

  /// The event tells of the commit in the making, whatever the command has said so far.
  private mutating func publishEvent(_ event: ByteView, _ key: ByteView, in database: Int) {
    guard !isLoading, !subscriptions.channels.isEmpty || !subscriptions.patterns.isEmpty else {
      return
    }
    var channel = ByteBuffer()
    if notifications.contains(.keyspace) {
      channel.append("__keyspace@\(database)__:")
      channel.append(key)
      _ = publish(event, to: channel.view, hold: commit)
    }
    if notifications.contains(.keyevent) {
      channel.truncate(to: 0)
      channel.append("__keyevent@\(database)__:")
      channel.append(event)
      _ = publish(key, to: channel.view, hold: commit)
    }
  }

  /// The classes of events to publish: none unless it is said to which channels.
  mutating func setNotifications() {
    let wanted = settings.notifications
    notifications = wanted.isDisjoint(with: [.keyspace, .keyevent]) ? [] : wanted
  }
}
