// Reading and writing of identifiers as JSON strings of 32 hex digits.

import JSONText
import Primitives

extension FieldReader {
    public mutating func event(_ key: String, required: Bool = true) -> EventID? {
        derived(key, required: required)
    }

    public mutating func wallet(_ key: String, required: Bool = true) -> WalletID? {
        derived(key, required: required)
    }

    public mutating func message(_ key: String, required: Bool = true) -> MessageID? {
        derived(key, required: required)
    }

    private mutating func derived<ID: Identifier>(_ key: String, required: Bool) -> ID? {
        guard let text = self.text(key, required: required, maximum: 32) else { return nil }
        guard let id = ID(text) else {
            report(key, code: "identifier", detail: "32 lower-case hex digits")
            return nil
        }
        return id
    }
}

extension JSONWriter {
    public mutating func field(_ name: StaticString, _ identifier: some Identifier) {
        field(name, hex: identifier.value)
    }
}
