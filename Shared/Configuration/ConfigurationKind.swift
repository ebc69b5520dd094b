// The kinds of configuration documents, the bounds they share, and what is wrong with a document that was
// refused. Used by the builder in every service and by the operator's command, so that both refuse the same
// documents.

import JSONText

/// What a configuration document describes; the first part of its key on the topic `config`.
public enum ConfigurationKind: String, Sendable, CaseIterable {
    case source, offer, reward, subscription, apikey, programme
}

/// Bounds of configuration documents.
public enum ConfigurationBounds {
    /// An event is held against every offer, and every instance holds all documents: beyond this both are a
    /// burden.
    public static let documentsPerKind = 1_000
    /// Bytes of a document's value on the topic. A mapping of 256 columns takes a fifth of it.
    public static let documentBytes = 65_536
    /// Bytes of an id: it becomes part of keys, folder names and metrics.
    public static let idBytes = 64
    /// Bytes of an API key's id.
    public static let apiKeyBytes = 8...128
    /// Bytes of a name for people, of a unit, a classification, a column and a constant; as in messages.
    public static let textBytes = 128
    /// Entries of a list within a document (units, classifications).
    public static let listItems = 500
    /// A hundred years: longer spans are mistakes.
    public static let days: ClosedRange<Int64> = 1...36_500
    /// Past and future clocks of upstream systems differ by minutes; a day is a wrong zone.
    public static let toleranceMinutes: ClosedRange<Int64> = 0...1_440
}

/// Why a configuration document was not taken over, with every problem found in it.
public struct ConfigurationFailure: Error, Sendable, Equatable {
    /// As written in the key or the document; it may be no known kind.
    public let kind: String
    public let id: String
    public let problems: [FieldProblem]

    public init(kind: String, id: String, problems: [FieldProblem]) {
        self.kind = kind
        self.id = id
        self.problems = problems
    }

    init(kind: String, id: String, pointer: String = "", code: String, detail: String) {
        self.init(
            kind: kind, id: id, problems: [FieldProblem(pointer: pointer, code: code, detail: detail)])
    }
}

extension ConfigurationFailure: CustomStringConvertible {
    public var description: String {
        let list = problems.map {
            "\($0.pointer.isEmpty ? "document" : $0.pointer): \($0.code): \($0.detail)"
        }
        return "\(kind)/\(id): " + list.joined(separator: "; ")
    }
}
