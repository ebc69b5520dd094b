// A system that sends events: how long its repeats are recognised, whether it may open wallets, and how
// records in its own shape become canonical purchases. Read by the gateway for every event.

import JSONText
import Primitives

/// A source of events; its id is also the source's name in the API and in event ids.
public struct Source: Sendable, Equatable {
    public let id: String
    /// Offset of its record on `config`; 0 before it is published.
    public let version: Int64
    /// Events of an inactive source are refused.
    public let active: Bool
    /// Whether an unknown external id gets a wallet at its first event.
    public let openWallets: Bool
    /// The published idempotency window: an event whose own time is older is refused.
    public let repeatWindowDays: Int
    /// How far ahead of the platform's clock an event's time may lie.
    public let futureToleranceMinutes: Int
    /// Nil for a source that sends canonical events only.
    public let mapping: SourceMapping?

    public init(
        id: String, version: Int64 = 0, active: Bool = true, openWallets: Bool = false,
        repeatWindowDays: Int = 7,
        futureToleranceMinutes: Int = 5, mapping: SourceMapping? = nil
    ) {
        self.id = id
        self.version = version
        self.active = active
        self.openWallets = openWallets
        self.repeatWindowDays = repeatWindowDays
        self.futureToleranceMinutes = futureToleranceMinutes
        self.mapping = mapping
    }

    public var repeatWindowMilliseconds: Int64 { Int64(repeatWindowDays) * Timestamp.millisecondsPerDay }
    public var futureToleranceMilliseconds: Int64 { Int64(futureToleranceMinutes) * 60_000 }

    static func read(_ fields: inout FieldReader, id: String, version: Int64) -> Source? {
        fields.refuseOthers(than: [
            "kind", "id", "active", "openWallets", "repeatWindowDays", "futureToleranceMinutes", "mapping",
        ])
        let active = fields.bool("active", required: false) ?? true
        let openWallets = fields.bool("openWallets", required: false) ?? false
        let window = fields.integer("repeatWindowDays", in: ConfigurationBounds.days, required: false) ?? 7
        let tolerance = fields.integer(
            "futureToleranceMinutes", in: ConfigurationBounds.toleranceMinutes, required: false)
        let mapping = fields.nested("mapping", required: false, SourceMapping.read)
        guard fields.problems.isEmpty else { return nil }
        return Source(
            id: id, version: version, active: active, openWallets: openWallets, repeatWindowDays: Int(window),
            futureToleranceMinutes: Int(tolerance ?? 5), mapping: mapping)
    }

    func encode(to writer: inout JSONWriter) {
        writer.field("active", active)
        writer.field("openWallets", openWallets)
        writer.field("repeatWindowDays", Int64(repeatWindowDays))
        writer.field("futureToleranceMinutes", Int64(futureToleranceMinutes))
        if let mapping { writer.object("mapping", mapping.encode) }
    }
}
