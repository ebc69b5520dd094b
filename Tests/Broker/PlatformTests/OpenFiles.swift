// What a process has open, as the kernel says: its stores, and the ports at the other end of its connections.

import Foundation

struct OpenFiles {
    let stores: Set<String>
    let remotePorts: Set<Int>

    init(of process: Int32) {
        let folder = "/proc/\(process)/fd"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let targets = names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + $0) }
        stores = Set(targets.filter { $0.hasSuffix(".sqlite") })
        let sockets = Set(
            targets.filter { $0.hasPrefix("socket:[") }.map { String($0.dropFirst("socket:[".count).dropLast()) })
        remotePorts = Self.connections(of: process, sockets)
    }

    /// Established connections that this process began: those whose own port it does not listen on.
    private static func connections(of process: Int32, _ sockets: Set<String>) -> Set<Int> {
        var listening: Set<Int> = []
        var connected: [(local: Int, remote: Int)] = []
        for table in ["tcp", "tcp6"] {
            // The kernel says that such a file is empty until it is read.
            let handle = FileHandle(forReadingAtPath: "/proc/\(process)/net/\(table)")
            let text = String(decoding: handle?.readDataToEndOfFile() ?? Data(), as: UTF8.self)
            for line in text.split(separator: "\n").dropFirst() {
                let columns = line.split(separator: " ")
                guard columns.count > 9, sockets.contains(String(columns[9])),
                    let local = port(columns[1]), let remote = port(columns[2])
                else { continue }
                if columns[3] == "0A" { listening.insert(local) }
                if columns[3] == "01" { connected.append((local, remote)) }
            }
        }
        return Set(connected.filter { !listening.contains($0.local) }.map(\.remote))
    }

    private static func port(_ address: Substring) -> Int? {
        address.split(separator: ":").last.flatMap { Int($0, radix: 16) }
    }
}
