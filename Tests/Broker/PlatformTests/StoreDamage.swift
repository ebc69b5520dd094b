// What can become of a service's store files while it is down.

import Foundation
import Primitives

enum StoreDamage: CaseIterable {
    case deleted, cut, bitsTurnedOver, swapped, older

    /// The store files of a folder, as a copy.
    static func copy(of folder: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try names(in: folder) { files[name] = try Data(contentsOf: url(folder, name)) }
        return files
    }

    /// Every store of the folder is hit.
    func inflict(on folder: String, older: [String: Data], _ entropy: inout SeededEntropy) throws {
        let databases = try Self.names(in: folder).filter { $0.hasSuffix(".sqlite") }
        switch self {
        case .deleted:
            for name in try Self.names(in: folder) {
                try FileManager.default.removeItem(at: Self.url(folder, name))
            }
        case .cut: try change(folder) { $0 = $0.prefix(Int(entropy.below(UInt64($0.count)))) }
        case .bitsTurnedOver:
            try change(folder) { bytes in
                for _ in 0..<4 { bytes[Int(entropy.below(UInt64(bytes.count)))] ^= 1 << UInt8(entropy.below(8)) }
            }
        case .swapped:
            // Each gets its neighbour's; a database and its log stay together.
            let files = try Self.copy(of: folder)
            for (index, name) in databases.enumerated() {
                let neighbour = databases[(index + 1) % databases.count]
                for suffix in ["", "-wal"] { try Self.put(files[neighbour + suffix], at: folder, name + suffix) }
            }
        case .older:
            for name in Set(try Self.names(in: folder)).union(older.keys) {
                try Self.put(older[name], at: folder, name)
            }
        }
    }

    private func change(_ folder: String, _ body: (inout Data) -> Void) throws {
        for name in try Self.names(in: folder) {
            var bytes = try Data(contentsOf: Self.url(folder, name))
            guard !bytes.isEmpty else { continue }
            body(&bytes)
            try bytes.write(to: Self.url(folder, name))
        }
    }

    private static func put(_ bytes: Data?, at folder: String, _ name: String) throws {
        guard let bytes else {
            guard FileManager.default.fileExists(atPath: url(folder, name).path) else { return }
            return try FileManager.default.removeItem(at: url(folder, name))
        }
        try bytes.write(to: url(folder, name))
    }

    /// Databases and their write-ahead logs, in order.
    private static func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix(".sqlite") || $0.hasSuffix(".sqlite-wal") }.sorted()
    }

    private static func url(_ folder: String, _ name: String) -> URL {
        URL(fileURLWithPath: folder).appendingPathComponent(name)
    }
}
