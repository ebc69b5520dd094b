// One instance of a service on a machine of its own: a disk, a clock that may be wrong, and a process that may
// end between any two steps and is started again. Driven by the run.

import EventLog
import Messages
import Primitives
import SimulatedLog
import StateStore
@_spi(Simulation) import StreamRuntime
import Synchronization
import Telemetry

/// A machine's clock: the cluster's, and an error.
final class MachineClock: WallClock {
    private let base: SimulatedClock
    private let error = Mutex<(milliseconds: Int64, settings: Int)>((0, 0))

    init(_ base: SimulatedClock) { self.base = base }

    func now() -> Timestamp { base.now().adding(milliseconds: error.withLock { $0.milliseconds }) }

    /// Wrong by so much from now on; right with 0.
    func jump(milliseconds: Int64) {
        error.withLock { error in
            if error.milliseconds != milliseconds { error = (milliseconds, error.settings + 1) }
        }
    }

    /// How often it was set.
    var settings: Int { error.withLock { $0.settings } }
}

/// A machine's disk: an image for each partition that a process of it has opened.
final class Disk: Sendable {
    private let images: Mutex<[PartitionIndex: StoreImage]>
    private let alteration: StoreImage.Alteration?
    private let full = Mutex(false)

    init(alteration: StoreImage.Alteration?, images: [PartitionIndex: StoreImage] = [:]) {
        self.alteration = alteration
        self.images = Mutex(images)
    }

    func image(of partition: PartitionIndex) -> StoreImage {
        let isFull = full.withLock { $0 }
        return images.withLock { images in
            if let found = images[partition] { return found }
            let made = StoreImage(alteration: alteration)
            made.isFull = isFull
            images[partition] = made
            return made
        }
    }

    /// What the next process of the machine finds.
    func copy() -> Disk {
        let copied = images.withLock { $0.mapValues { $0.copy() } }
        let disk = Disk(alteration: alteration, images: copied)
        disk.isFull = full.withLock { $0 }
        return disk
    }

    var isFull: Bool {
        get { full.withLock { $0 } }
        set {
            full.withLock { $0 = newValue }
            for image in all { image.isFull = newValue }
        }
    }

    /// Two partitions' files change their places.
    func swap(_ first: PartitionIndex, _ second: PartitionIndex) {
        images.withLock { images in
            let kept = images[first]
            images[first] = images[second]
            images[second] = kept
        }
    }

    var partitions: [PartitionIndex] { images.withLock { $0.keys.sorted() } }

    /// In the order of their partitions.
    var all: [StoreImage] { images.withLock { $0.sorted { $0.key < $1.key }.map(\.value) } }
}

final class Machine {
    enum State {
        case down
        case up(Worker<SimulatedLog>, SimulatedProcess, WorkerStatus)
    }

    let service: ServiceName
    let member: String
    let clock: MachineClock
    var disk: Disk
    var state = State.down
    /// Does nothing before; while it is down, it starts then.
    var due: Timestamp
    /// How many calls of its worker are between two steps, while others go on.
    var standing = 0
    /// How many of them stand for the whole process, and since when.
    private var freezes = 0
    private(set) var frozenSince: Timestamp?
    /// The HTTP door of the process; gateways that are up have one.
    var doorway: Doorway?
    /// What reached the process while it stood still.
    var inbox: [Arrival] = []
    /// A second machine under the same member name was started: one of the two is bound to be fenced out.
    var hasTwin = false

    init(_ service: ServiceName, member: String, clock: MachineClock, disk: Disk, due: Timestamp) {
        self.service = service
        self.member = member
        self.clock = clock
        self.disk = disk
        self.due = due
    }

    var name: String { "\(service.rawValue)/\(member)" }

    var isStandingStill: Bool { standing > 0 }
    var isFrozen: Bool { frozenSince != nil }

    func freeze(at now: Timestamp) {
        freezes += 1
        frozenSince = frozenSince ?? now
    }

    /// - Returns: since when it stood still, if it goes on now.
    func thaw() -> Timestamp? {
        freezes -= 1
        guard freezes == 0 else { return nil }
        defer { frozenSince = nil }
        return frozenSince
    }

    var isUp: Bool { if case .up = state { true } else { false } }

    var status: WorkerStatus? { if case .up(_, _, let status) = state { status } else { nil } }

    var process: SimulatedProcess? { if case .up(_, let process, _) = state { process } else { nil } }

    /// Ends the process where it is. Its memory is gone; the disk has what was committed to it.
    func crash(restartAt time: Timestamp) {
        guard case .up(_, let process, _) = state else { return }
        process.die()
        disk = disk.copy()
        doorway = nil
        inbox = []
        state = .down
        due = time
    }
}
