// One line of text in columns, taken apart: runs of spaces, or a delimiter with or without quotes as in RFC 4180. Called by
// the mapping for each record of a source in such a shape. It only finds the columns; it never trims or converts what is
// in them, and never takes two lines for one.

import Configuration
import JSONText
import Messages

/// The columns of one record, as bytes.
struct DelimitedRecord {
    private(set) var columns: [ArraySlice<UInt8>] = []

    /// - Throws: what is wrong with the line as a whole, naming the column.
    init(_ bytes: [UInt8], in range: Range<Int>, _ format: DelimitedFormat) throws(MessageFailure) {
        let line = Self.line(bytes[range])
        guard !line.isEmpty else { throw refusal("empty-body", "the record is empty") }
        guard String(validating: line, as: UTF8.self) != nil else {
            throw refusal("invalid-encoding", "the record is not UTF-8")
        }
        columns.reserveCapacity(format.columns.count)
        switch format.delimiter {
        case .spaces: columns = line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 })
        case .comma, .semicolon, .bar, .tab:
            let delimiter = format.delimiter == .tab ? 0x09 : format.delimiter.rawValue.utf8.first ?? 0x2c
            if format.quoted {
                try splitQuoted(line, delimiter, format)
            } else {
                columns = line.split(separator: delimiter, omittingEmptySubsequences: false)
            }
        }
        try checkShape(line, format)
    }

    /// Without a byte order mark and the end of the line, which may be CRLF, LF or CR.
    private static func line(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes
        if line.last == 0x0a { line.removeLast() }
        if line.last == 0x0d { line.removeLast() }
        return line
    }

    private func checkShape(_ line: ArraySlice<UInt8>, _ format: DelimitedFormat) throws(MessageFailure) {
        if !format.quoted, line.contains(0x0a) || line.contains(0x0d) {
            throw refusal("several-lines", "a record is one line")
        }
        if columns.count < format.columns.count {
            let missing = format.columns[columns.count...].map { "'\($0)'" }.joined(separator: ", ")
            throw refusal("missing-column", "the record has \(columns.count) columns; missing: \(missing)")
        }
        if columns.count > format.columns.count {
            let last = format.columns.last ?? ""
            throw refusal(
                "too-many-columns",
                "the record has \(columns.count) columns, \(columns.count - format.columns.count) behind '\(last)'")
        }
    }

    // MARK: Quotes

    /// Columns may be enclosed in quotes and hold delimiters, line ends and doubled quotes then (RFC 4180, section 2).
    private mutating func splitQuoted(
        _ line: ArraySlice<UInt8>, _ delimiter: UInt8, _ format: DelimitedFormat
    ) throws(MessageFailure) {
        var at = line.startIndex
        while true {
            if at < line.endIndex, line[at] == quote {
                at = try takeQuoted(line, from: at + 1, delimiter, format)
            } else {
                let end = line[at...].firstIndex(of: delimiter) ?? line.endIndex
                let column = line[at..<end]
                guard !column.contains(where: { $0 == quote || $0 == 0x0a || $0 == 0x0d }) else {
                    throw refusal("misplaced-quote", "column \(name(format)): a quote or line end outside of quotes")
                }
                columns.append(column)
                at = end
            }
            guard at < line.endIndex else { return }
            at += 1
        }
    }

    /// - Returns: where the column's delimiter stands, or the end of the line.
    private mutating func takeQuoted(
        _ line: ArraySlice<UInt8>, from start: Int, _ delimiter: UInt8, _ format: DelimitedFormat
    ) throws(MessageFailure) -> Int {
        var text: [UInt8] = []
        var at = start
        while at < line.endIndex {
            guard line[at] == quote else {
                text.append(line[at])
                at += 1
                continue
            }
            at += 1
            if at == line.endIndex || line[at] == delimiter {
                columns.append(text[...])
                return at
            }
            guard line[at] == quote else {
                throw refusal("misplaced-quote", "column \(name(format)): a quote within the text is not doubled")
            }
            text.append(quote)
            at += 1
        }
        throw refusal("unclosed-quote", "column \(name(format)): the quote is not closed")
    }

    /// The column that is being read.
    private func name(_ format: DelimitedFormat) -> String {
        columns.count < format.columns.count ? "'\(format.columns[columns.count])'" : "\(columns.count + 1)"
    }
}

private let quote = UInt8(ascii: "\"")

private func refusal(_ code: String, _ detail: String) -> MessageFailure {
    .fields([FieldProblem(pointer: "", code: code, detail: detail)])
}
