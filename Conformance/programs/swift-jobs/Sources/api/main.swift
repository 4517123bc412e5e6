// main.swift: what an API does when a user signs up: it adds jobs and answers at once.
//
//     api sign-up USER

import ExampleJobs
import Martlet

let words = CommandLine.arguments
guard words.count == 3, words[1] == "sign-up" else { fatalError("usage: api sign-up USER") }

let client = try MartletClient()
let user = words[2]

let mail = try await client.enqueue(WelcomeMail(user: user))
print("mail \(mail.status)")

// For what the answer needs, it waits; but not for ever.
let avatar = try await client.enqueue(ResizeAvatar(user: user, size: 64))
switch try await client.result(of: avatar, within: .seconds(10)) {
case .done(let picture): print("avatar \(picture.path)")
case .dead(let reason): print("no avatar: \(reason)")
case .pending, .unknown: print("avatar later")
}
await client.close()
