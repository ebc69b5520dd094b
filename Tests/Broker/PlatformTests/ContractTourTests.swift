import Foundation
import JSONText
import Messages
import TestBroker
import Testing

/// Posts every example of the contracts that has a route to a real platform.
@Suite("Contract tour", .enabled(if: TestBroker.isAvailable, Comment(rawValue: TestBroker.howToEnable)))
struct ContractTourTests {
    private static let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Shared/Contracts/Examples")

    private struct Posting {
        let name: String
        let root: JSONValue

        init(_ name: String) throws {
            let file = ContractTourTests.examples.appendingPathComponent(name + ".json")
            self.name = name
            root = try JSONDocument(parsing: Array(try Data(contentsOf: file))).root
        }

        var route: [Substring] { root["route"]?.string()?.split(separator: " ") ?? [] }
        var body: String {
            let bytes = root["body"].map { Array($0.rawBytes) } ?? Array(root["text"]?.stringBytes ?? [])
            return String(decoding: bytes, as: UTF8.self)
        }
        var headers: [String: String] {
            var headers = ["content-type": "application/json"]
            guard let more = root["requestHeaders"] else { return headers }
            for member in more.members { headers[member.key.lowercased()] = member.value.string() }
            return headers
        }
    }

    @Test func `K4 O62 every example is answered as the contracts write it`() throws {
        let platform = try Platform("tour", partitions: 2)
        try platform.apply(
            #"""
            [{"kind": "source", "id": "shop", "active": true, "openWallets": false, "repeatWindowDays": 36500},
             {"kind": "reward", "id": "cd-voucher", "name": "Voucher", "active": true, "paymentMode": "POINTS",
              "points": 100},
             {"kind": "apikey", "id": "contract-key", "role": "operator", "source": "shop", "active": true,
              "secret": "\#(Platform.apiSecret)"}]
            """#)
        try platform.startAll()
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.examples.path).sorted()
            .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(".json".count)) }
        var posted: Set<String> = []
        func post(_ name: String) throws {
            let posting = try Posting(name)
            guard posting.route.count == 2, posted.insert(name).inserted else { return }
            if let before = posting.root["after"]?.string() { try post(before) }
            var headers = posting.headers
            headers["x-api-key"] = "contract-key"
            // As long as the door lets one wait: how fast a cold platform answers is not what this shows.
            if headers["prefer"] != nil { headers["prefer"] = "wait=30" }
            let answer = try platform.call(
                String(posting.route[0]), String(posting.route[1]), headers: headers, body: posting.body)
            #expect(answer.status == posting.root["status"]?.int64.map(Int.init), "\(name): \(answer.body)")
            guard let code = posting.root["code"]?.string() else { return }
            #expect(answer.fields["code"] as? String == code, "\(name): \(answer.body)")
            #expect(answer.headers["content-type"] == "application/problem+json", "\(name)")
        }
        for name in names { try post(name) }
        #expect(posted.count >= 40)
    }
}
