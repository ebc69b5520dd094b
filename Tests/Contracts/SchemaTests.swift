// The schemas of the contracts against the examples, which the codecs read and write: together they say that
// a schema describes what a codec has, no more and no less.

import JSONText
import Testing

@Suite struct SchemaTests {
    @Test(arguments: try Example.all().filter { $0.isValid && $0.message != "request" })
    func `A valid example has what its schema requires and nothing that it does not name`(_ example: Example)
        throws
    {
        var checker = try SchemaChecker()
        // What is accepted in other forms is described as what it becomes; unknown members are allowed only
        // before that.
        let body = try #require(example.root["canonical"] ?? example.body)
        checker.check(body, against: example.message + ".json")
        #expect(checker.problems.isEmpty)
    }

    @Test func `Every property that a schema describes stands in a valid example`() throws {
        var checker = try SchemaChecker()
        for example in try Example.all() where example.isValid && example.message != "request" {
            for body in [example.body, example.root["canonical"]].compactMap({ $0 }) {
                checker.check(body, against: example.message + ".json")
            }
        }
        #expect(checker.described.subtracting(checker.seen).sorted() == [])
    }

    @Test func `The checker finds what is wrong`() throws {
        let example = try Example("award")
        let text = String(decoding: example.bytes, as: UTF8.self)
        let changes = [
            ("\"event\"", "\"evnt\""), ("\"posted\"", "\"lost\""),
            ("\"2026-11-21T09:30:00.000Z\"", "\"yesterday\""),
            ("\"sequence\": 2", "\"sequence\": 0"), ("\"points\": 129", "\"points\": \"129\""),
            ("\"settled\": 129", "\"settled\": true"),
        ]
        for (old, new) in changes {
            let changed = text.replacing(old, with: new)
            try #require(changed != text, "\(old)")
            var checker = try SchemaChecker()
            checker.check(try JSONDocument(parsing: Array(changed.utf8)).root, against: "award.json")
            #expect(!checker.problems.isEmpty, "\(new)")
        }
    }

    @Test func `Every schema stands in a contract or in another schema`() throws {
        let names = try ContractFiles.names(in: "Schemas")
        var texts = [try ContractFiles.asyncAPI(), try ContractFiles.openAPI()]
        for name in names { texts.append(try ContractFiles.text("Shared/Contracts/Schemas/\(name).json")) }
        for name in names {
            let isUsed = texts.contains {
                $0.contains("Schemas/\(name).json") || $0.contains("\"$ref\": \"\(name).json\"")
            }
            #expect(isUsed, "\(name)")
        }
        for reference in texts.flatMap({ $0.matches(of: /Schemas\/([a-z-]+)\.json/) }) {
            #expect(names.contains(String(reference.1)))
        }
    }
}
