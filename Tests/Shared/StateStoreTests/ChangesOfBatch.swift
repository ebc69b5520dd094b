import StateStore

/// What the batch at hand puts on the changelog; nil for a deleted row.
func changes(of store: StateStore) throws -> [String: String?] {
    var found: [String: String?] = [:]
    try store.forEachChange { key, value in
        found[String(decoding: key, as: UTF8.self)] = .some(value.map { String(decoding: $0, as: UTF8.self) })
    }
    return found
}
