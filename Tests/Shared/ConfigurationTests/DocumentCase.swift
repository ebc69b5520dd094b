// A document and what is due for it, as a row of a test's table.

import Configuration
import JSONText
import Testing

/// One row: a change of a valid document, and the problems that follow from it.
struct DocumentCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let json: String
    /// `pointer code` of every problem, in any order; empty for a valid document.
    let problems: [String]

    /// - Parameter changes: texts of `base` and what they become.
    init(_ name: String, _ base: String, _ changes: [String: String] = [:], _ problems: [String] = []) {
        testDescription = name
        json = changes.reduce(base) { $0.replacing($1.key, with: $1.value) }
        self.problems = problems
        for old in changes.keys where !base.contains(old) {
            Issue.record("\(name): the document has no \(old)")
        }
    }

    func check() {
        do throws(ConfigurationFailure) {
            let document = try ConfigurationDocument(parsing: Array(json.utf8), version: 7)
            #expect(problems.isEmpty, "accepted: \(json)")
            let again = try ConfigurationDocument(parsing: document.encoded(), version: 7)
            #expect(again == document, "what is published must mean the same")
        } catch {
            #expect(
                error.problems.map { "\($0.pointer) \($0.code)" }.sorted() == problems.sorted(), "\(error)")
        }
    }
}

func parsed(_ json: String, version: Int64 = 7) throws -> ConfigurationDocument {
    try ConfigurationDocument(parsing: Array(json.utf8), version: version)
}
