// A real broker for tests, one for the whole test process: started from the Kafka folder in KAFKA_HOME, or
// reached at POINTSTREAM_BROKERS. Without either, suites that need a broker are skipped and say so. Never
// used outside tests.

import Foundation

/// The broker that tests of this process share.
public enum TestBroker {
    /// Set by neither variable: nothing to test against.
    public static let isAvailable = home != nil || address != nil
    public static let howToEnable: String =
        "needs a broker: set KAFKA_HOME to an Apache Kafka folder, or POINTSTREAM_BROKERS to an address"

    static let home = value(of: "KAFKA_HOME")
    private static let address = value(of: "POINTSTREAM_BROKERS")
    private static let shared = Result { () throws(BrokerFailure) in try connect() }
    private static let names = NameCounter()

    /// The bootstrap servers; the first call starts the broker and takes some seconds.
    public static func bootstrapServers() throws(BrokerFailure) -> String { try shared.get() }

    /// A name that no other test and no earlier run uses, for a topic, a group or a transactional id.
    public static func uniqueName(_ stem: String) -> String {
        "test.\(stem).\(ProcessInfo.processInfo.processIdentifier).\(names.next())"
    }

    private static func connect() throws(BrokerFailure) -> String {
        if let home { return try BrokerProcess.start(home: home) }
        if let address { return address }
        throw BrokerFailure(reason: howToEnable)
    }

    private static func value(of variable: String) -> String? {
        ProcessInfo.processInfo.environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// Why there is no broker.
public struct BrokerFailure: Error, CustomStringConvertible {
    let reason: String
    public var description: String { reason }
}
