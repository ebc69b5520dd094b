// The words of a closed list, found by their bytes: a type of message or a reason is read several times for each
// event, and needs no text of its own. Called by the codecs and for headers. Never finds a word in another spelling.

/// The words of `Word`, each of at most ``maximumBytes``.
public struct WordTable<Word: RawRepresentable & CaseIterable & Sendable>: Sendable where Word.RawValue == String {
    /// What fits into a code, with its length.
    public static var maximumBytes: Int { 15 }

    /// In ascending order.
    private let codes: [UInt128]
    private let words: [Word]

    /// - Precondition: no word is longer than ``maximumBytes``.
    public init() {
        let coded = Word.allCases.map { word in
            guard let code = Self.code(word.rawValue.utf8.span) else {
                preconditionFailure("\(word.rawValue) is too long for a table of words")
            }
            return (code: code, word: word)
        }.sorted { $0.code < $1.code }
        codes = coded.map(\.code)
        words = coded.map(\.word)
    }

    public subscript(text: Span<UInt8>) -> Word? {
        guard let code = Self.code(text) else { return nil }
        var (low, high) = (0, codes.count)
        while low < high {
            let middle = (low + high) / 2
            if codes[middle] == code { return words[middle] }
            if codes[middle] < code { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// The bytes, and how many there are in the highest.
    private static func code(_ text: Span<UInt8>) -> UInt128? {
        guard text.count <= maximumBytes else { return nil }
        var code = UInt128(text.count)
        for at in text.indices { code = code << 8 | UInt128(text[at]) }
        return code
    }
}
