// One file of Shared/Contracts/Examples. The end-to-end tests read the same files: those with a `route` are
// posted to a door.
//
//   message         the form of the body, and the name of its schema; `request` for examples about HTTP alone
//   topic, key, headers     of a record, or of a webhook
//   route, status, code, requestHeaders    how the door answers the body
//   after           the example that is to be posted before
//   view            the example of the transaction that an award or a spend is a view of, of the outcome
//                   that a webhook tells
//   valid           whether the codec accepts the body; if not, `problem` is what it finds
//   body, or text   for bodies that are no JSON; `canonical` is what an accepted body becomes

import JSONText
import Messages
import Testing

struct Example: Sendable, CustomTestStringConvertible {
    let name: String
    let root: JSONValue
    let message: String
    let isValid: Bool

    init(_ name: String) throws {
        self.name = name
        root = try ContractFiles.document("Examples", name).root
        message = try #require(root["message"]?.string(), "\(name): message")
        isValid = try #require(root["valid"]?.bool as Bool?, "\(name): valid")
    }

    static func all() throws -> [Example] { try ContractFiles.names(in: "Examples").map { try Example($0) } }

    var testDescription: String { name }
    var topic: String? { root["topic"]?.string() }
    var key: String? { root["key"]?.string() }
    var form: MessageForm? { MessageForm(rawValue: message) }
    var body: JSONValue? { root["body"] }

    /// What a client or a service sends.
    var bytes: [UInt8] { Array(body?.rawBytes ?? root["text"]?.stringBytes ?? []) }

    /// The body as a service writes it.
    func publishedBytes() throws -> [UInt8] {
        let form = try #require(form)
        if let recoded = try form.recoded(bytes) { return recoded }
        let source = try Example(try #require(root["view"]?.string()))
        return try #require(form.view(of: try WalletTransaction.decode(source.bytes)))
    }

    func header(_ name: StaticString) -> String? { root["headers"]?["\(name)"]?.string() }
}

/// Whether two values are the same JSON, whatever the order of members and the places of a number.
func isEqual(_ left: JSONValue, _ right: JSONValue) -> Bool {
    guard left.kind == right.kind, left.count == right.count else { return false }
    switch left.kind {
    case .object:
        return left.members.allSatisfy { key, value in right[key].map { isEqual(value, $0) } ?? false }
    case .array: return zip(left.items, right.items).allSatisfy { isEqual($0, $1) }
    case .string: return left.string() == right.string()
    case .number: return left.decimal == right.decimal
    case .bool: return left.bool == right.bool
    case .null: return true
    }
}
