// Numbers for names that tests make, unique in the process together with its start time.

import Foundation
import Synchronization

final class NameCounter: Sendable {
    private let last = Atomic<Int>(0)
    /// A broker that outlives the process may meet the same process id again.
    private let start = Int(Date().timeIntervalSince1970)

    func next() -> String { "\(start).\(last.add(1, ordering: .relaxed).newValue)" }
}
