// Applying files: everything is checked first, every problem of every file is named, and secrets never leave
// the files.

import Configuration
import EventLog
import Foundation
import Primitives
import Synchronization
import Testing

@testable import OperatorService

/// Keeps what is published.
private final class PublishedRecords: ConfigurationPublishing {
    private(set) var records: [ConfigurationRecord] = []
    private(set) var calls = 0
    func publish(_ records: [ConfigurationRecord]) throws(LogFailure) {
        calls += 1
        self.records += records
    }
}

/// Keeps what is written.
final class Transcript: Sendable {
    private let both = Mutex<(lines: [String], problems: [String])>(([], []))
    var lines: [String] { both.withLock { $0.lines } }
    var problems: [String] { both.withLock { $0.problems } }
    var console: Console {
        Console(
            line: { text in self.both.withLock { $0.lines.append(text) } },
            problem: { text in self.both.withLock { $0.problems.append(text) } })
    }
}

/// A folder of its own that is removed with the test.
private final class Folder {
    let path = FileManager.default.temporaryDirectory.appending(path: "operator-\(UUID().uuidString)").path

    init(_ files: [String: String]) throws {
        for (name, text) in files {
            let url = URL(fileURLWithPath: path).appending(path: name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
    }

    deinit {
        #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) }
    }
}

@Suite struct `Applying configuration files` {
    private let reward = #"{"kind":"reward","id":"r","name":"R","paymentMode":"POINTS","points":1}"#

    private func apply(_ paths: [String]) throws -> (ExitCode, Transcript, [ConfigurationRecord], calls: Int)
    {
        var entropy = SeededEntropy(seed: 7)
        let (transcript, publisher) = (Transcript(), PublishedRecords())
        let files = DocumentFiles(paths: paths, entropy: &entropy)
        let code = try DocumentApplication(publisher: publisher, console: transcript.console).run(files)
        return (code, transcript, publisher.records, publisher.calls)
    }

    @Test func `one wrong document keeps all from being published, and every problem of every file is named`()
        throws
    {
        let folder = try Folder([
            "a.json": reward,
            "b.json": """
            [\(reward.replacing(#""id":"r""#, with: #""id":"s""#)), {"kind":"reward","id":"t","name":"T",
             "paymentMode":"CASH","points":0}, \(reward)]
            """,
            "c.json": "{\n  \"kind\": }",
            "d.txt": "not looked at", "e/f.json": "not looked at",
        ])
        let (code, transcript, records, calls) = try apply([folder.path, folder.path + "/none.json"])
        #expect(code == .failed)
        #expect(records.isEmpty)
        #expect(calls == 0)
        #expect(transcript.lines.isEmpty)
        let places = transcript.problems.dropLast().map { problem in
            problem.replacing(folder.path + "/", with: "").split(separator: ": ").prefix(3).joined(
                separator: " ")
        }
        #expect(
            places.map { $0.split(separator: " ").prefix(3).joined(separator: " ") } == [
                "b.json /1/paymentMode unknown-value", "b.json /1/points range", "b.json /2 duplicate",
                "c.json /kind invalid-json", "none.json unreadable cannot",
            ])
        #expect(transcript.problems.last == "nothing was published")
    }

    @Test func `valid documents are published in their canonical form, in the order of the files`() throws {
        let folder = try Folder(["2.json": reward, "1.json": #"[{"kind":"source","id":"shop"}]"#])
        let (code, transcript, records, calls) = try apply([folder.path])
        #expect(code == .done)
        #expect(calls == 1)
        #expect(records.map { String(decoding: $0.key, as: UTF8.self) } == ["source/shop", "reward/r"])
        #expect(
            transcript.lines == [
                "published source/shop from \(folder.path)/1.json",
                "published reward/r from \(folder.path)/2.json",
            ])
        var builder = ConfigurationBuilder()
        for (offset, record) in records.enumerated() {
            try builder.apply(key: record.key[...], value: record.value?[...], offset: Int64(offset))
        }
        #expect(builder.snapshot().sources["shop"]?.repeatWindowDays == 7)
        #expect(builder.snapshot().rewardsByID["r"]?.points.units == 1)
    }

    @Test func `secrets are hashed with a salt each, read beside their document, and never shown`() throws {
        let secret = "correct horse battery staple"
        let key =
            #"{"kind":"apikey","id":"key-0001","role":"source","source":"shop","secretFile":"k/one.txt"}"#
        let inline = #"{"kind":"apikey","id":"key-0002","role":"operator","secret":"\#(secret)"}"#
        let folder = try Folder(["a.json": "[\(key),\(inline)]", "k/one.txt": secret + "\n"])
        let (code, transcript, records, _) = try apply([folder.path])
        #expect(code == .done, "\(transcript.problems)")
        #expect(!transcript.lines.contains { $0.contains(secret) })
        var builder = ConfigurationBuilder()
        for record in records {
            #expect(record.value.map { !String(decoding: $0, as: UTF8.self).contains(secret) } ?? false)
            try builder.apply(key: record.key[...], value: record.value?[...], offset: 0)
        }
        let keys = builder.snapshot().apiKeys.values
        #expect(keys.map { $0.verify(secret: Array(secret.utf8)) } == [true, true])
        #expect(Set(keys.map(\.hash.sha256)).count == 2)
    }

    @Test func `a folder without documents is refused`() throws {
        let folder = try Folder(["readme.txt": ""])
        let (code, transcript, _, calls) = try apply([folder.path])
        #expect(code == .failed)
        #expect(calls == 0)
        #expect(transcript.problems.first == "\(folder.path): empty: no document was found")
    }

    @Test func `the documents of the quickstart are valid`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let (code, transcript, _, _) = try apply([root.appending(path: "compose/config").path])
        #expect(code == .done, "\(transcript.problems)")
        #expect(transcript.lines.count == 4)
        let (_, examples, _, _) = try apply([root.appending(path: "compose/config/examples").path])
        #expect(examples.problems.count == 2, "only the secret file is missing: \(examples.problems)")
        #expect(examples.problems.first?.contains("/secretFile: unreadable") == true)
    }
}
