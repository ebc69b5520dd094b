// Properties passed through to librdkafka: POINTSTREAM_KAFKA__FETCH_WAIT_MAX_MS=20 sets fetch.wait.max.ms.
// For what a cluster demands (TLS, SASL) and for tuning. The properties that the exactly-once procedure rests
// on are refused here. Whether a property exists, the client itself says when it is made.

struct ClientProperties {
    static let prefix = Setting.prefix + "KAFKA__"
    /// Far more than a client with TLS and SASL needs.
    static let maximumCount = 100

    /// Set by the platform: another value would lose or double records, or name what has a setting of its
    /// own.
    private static let reserved: Set<String> = [
        "acks", "auto.offset.reset", "bootstrap.servers", "delivery.timeout.ms", "enable.auto.commit",
        "enable.auto.offset.store", "enable.idempotence", "enable.partition.eof", "group.id",
        "group.instance.id",
        "isolation.level", "message.timeout.ms", "metadata.broker.list", "partition.assignment.strategy",
        "partitioner", "request.required.acks", "session.timeout.ms", "transaction.timeout.ms",
        "transactional.id",
    ]

    private(set) var properties: [String: String] = [:]

    /// Takes the property, or says why the name or the value is refused.
    mutating func take(_ name: String, _ value: String) -> SettingProblem? {
        guard name.hasPrefix(Self.prefix), name.count > Self.prefix.count else { return unknown(name) }
        let property = name.dropFirst(Self.prefix.count).lowercased().replacing("_", with: ".")
        if Self.reserved.contains(property) {
            return SettingProblem(
                name: name, code: .reserved,
                detail: "\(property) is set by the platform and cannot be changed")
        }
        if value.isEmpty || value.utf8.count > SettingsReader.maximumValueBytes {
            return SettingProblem(
                name: name, code: .outOfBounds,
                detail: "must be 1...\(SettingsReader.maximumValueBytes) bytes")
        }
        if properties.count == Self.maximumCount {
            return SettingProblem(
                name: name, code: .outOfBounds, detail: "is beyond \(Self.maximumCount) properties")
        }
        if properties.updateValue(value, forKey: property) != nil {
            return SettingProblem(name: name, code: .repeated, detail: "sets \(property) a second time")
        }
        return nil
    }

    private func unknown(_ name: String) -> SettingProblem {
        let known = Setting.all.map(\.name)
        let withPrefix = Setting.prefix + name
        let meant = known.contains(withPrefix) ? withPrefix : nearestName(to: name, among: known)
        let hint = meant.map { "; did you mean \($0)?" } ?? ""
        return SettingProblem(name: name, code: .unknown, detail: "is not a known setting\(hint)")
    }

    /// Whether the start log line must not show its value: passwords, keys, tokens and their configuration.
    static func isSecret(_ property: String) -> Bool {
        ["password", "secret", ".pem", ".key", "token", "oauthbearer"].contains { property.contains($0) }
    }
}
