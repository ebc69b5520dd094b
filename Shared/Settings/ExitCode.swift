// How a service's process ends, for supervisors: in `--help`, in README, and returned by Main. Every one is safe to
// start again from; after `gaveUp` it will most likely end the same way until somebody has followed the runbook.

/// The exit codes of the five services.
public enum ExitCode: Int32, Sendable, CaseIterable {
    case asked = 0
    case gaveUp = 1
    case wrongSettings = 2
    case cutOff = 4
    case hung = 70

    public var meaning: String {
        switch self {
        case .asked: "asked to stop (SIGTERM, SIGINT), and the batch at hand is done"
        case .gaveUp:
            "gave up: the log line service.gave-up has a code of README's runbook; the process answers /readyz with "
                + "it for ten seconds more, or until it is asked to stop"
        case .wrongSettings: "wrong or unknown settings, named on standard error"
        case .cutOff:
            "asked to stop and cut off after 4.5 seconds, because a broker did not answer; nothing is lost, the "
                + "partitions are free after the session time-out"
        case .hung: "a worker completed no step for a minute"
        }
    }
}
