// The known name that somebody who wrote an unknown one most likely meant. Called for refusals only.

/// The candidate with the fewest edits to `name`, or nil if even that one differs in more than a third of its
/// letters.
func nearestName(to name: String, among candidates: [String]) -> String? {
    let counted = candidates.map { (name: $0, edits: editDistance(name, $0)) }
    guard let best = counted.min(by: { ($0.edits, $0.name) < ($1.edits, $1.name) }),
        best.edits * 3 <= best.name.utf8.count
    else { return nil }
    return best.name
}

/// Levenshtein's distance in bytes, by the row.
private func editDistance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    var row = Array(0...right.count)
    for (line, byte) in left.enumerated() {
        var diagonal = row[0]
        row[0] = line + 1
        for column in right.indices {
            let replaced = diagonal + (byte == right[column] ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
        }
    }
    return row[right.count]
}
