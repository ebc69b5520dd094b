// One metric name with all its series, and its text form. Held by the registry under its lock; copies are
// rendered outside it. Never changes a number: it only finds and reads them.

enum Series: Sendable {
    case single(Cell)
    case spread(HistogramCells)
}

struct Family: Sendable {
    enum Kind: Sendable, Equatable {
        case counter
        case gauge
        /// With its upper bounds in microseconds.
        case durations([Int64])
        /// With its upper bounds.
        case sizes([Int64])

        var upperBounds: [Int64]? {
            switch self {
            case .durations(let bounds), .sizes(let bounds): bounds
            case .counter, .gauge: nil
            }
        }
    }

    let name: String
    let kind: Kind
    let help: String
    let labelNames: [String]
    private(set) var series: [[String]: Series] = [:]

    init(name: String, kind: Kind, help: String, labelNames: [String]) {
        precondition(isLegalName(name), "not a metric name: \(name)")
        precondition(labelNames.allSatisfy { isLegalName($0) && !$0.contains(":") && $0 != "le" })
        if let bounds = kind.upperBounds { precondition(zip(bounds, bounds.dropFirst()).allSatisfy(<)) }
        self.name = name
        self.kind = kind
        self.help = help
        self.labelNames = labelNames
    }

    /// What a series is found by.
    static func key(_ values: [String]) -> [String] { values.map(bounded) }

    /// The series of these label values, made if there is room, else the one that takes what has no room.
    mutating func find(_ values: [String]) -> Series {
        let key = Self.key(values)
        if let found = series[key] { return found }
        let hasRoom = series.count < MetricsRegistry.maximumSeries || values.isEmpty
        let place = hasRoom ? key : values.map { _ in MetricsRegistry.foldedValue }
        if let found = series[place] { return found }
        let made: Series =
            if let bounds = kind.upperBounds { .spread(HistogramCells(upperBounds: bounds)) } else { .single(Cell()) }
        series[place] = made
        return made
    }

    var rendered: String {
        var text = "# HELP \(name) \(escaped(help, quotes: false))\n# TYPE \(name) \(kindName)\n"
        for (values, series) in series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            let labels = zip(labelNames, values).map { "\($0)=\"\(escaped($1, quotes: true))\"" }
            switch series {
            case .single(let cell): text += "\(name)\(braced(labels)) \(cell.current)\n"
            case .spread(let cells): text += rendered(cells, labels)
            }
        }
        return text
    }

    private var kindName: String {
        switch kind {
        case .counter: "counter"
        case .gauge: "gauge"
        case .durations, .sizes: "histogram"
        }
    }

    /// Buckets are cumulative, and the count is their total, so that a reader never sees the two disagree.
    private func rendered(_ cells: HistogramCells, _ labels: [String]) -> String {
        var (text, total) = ("", Int64(0))
        for (index, cell) in cells.counts.enumerated() {
            total += cell.current
            let bound = index < cells.upperBounds.count ? shown(cells.upperBounds[index]) : "+Inf"
            text += "\(name)_bucket\(braced(labels + ["le=\"\(bound)\""])) \(total)\n"
        }
        text += "\(name)_sum\(braced(labels)) \(shown(cells.sum.current))\n"
        return text + "\(name)_count\(braced(labels)) \(total)\n"
    }

    private func shown(_ value: Int64) -> String {
        if case .durations = kind { seconds(value) } else { String(value) }
    }
}

private func braced(_ labels: [String]) -> String {
    labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}"
}

/// Exact: `2500` is `0.0025`, `10000000` is `10`.
private func seconds(_ microseconds: Int64) -> String {
    let (whole, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    if rest == 0 { return String(whole) }
    let digits = String(rest)
    var fraction = String(repeating: "0", count: 6 - digits.count) + digits
    while fraction.last == "0" { fraction.removeLast() }
    return "\(whole).\(fraction)"
}

/// Backslash and line feed everywhere, the quote inside label values (Prometheus, text format, "Comments,
/// help text, and type information").
private func escaped(_ text: String, quotes: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\"" where quotes: result += "\\\""
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

private func bounded(_ value: String) -> String {
    guard value.utf8.count > MetricsRegistry.maximumLabelBytes else { return value }
    var (kept, left) = ("", MetricsRegistry.maximumLabelBytes)
    for scalar in value.unicodeScalars {
        left -= UTF8.width(scalar)
        if left < 0 { break }
        kept.unicodeScalars.append(scalar)
    }
    return kept
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
private func isLegalName(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return name.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "_"), UInt8(ascii: ":"): true
        default: false
        }
    }
}
