// The values of a process's settings after they were checked. Made by SettingsReader; read by the typed
// settings and by the start log line. Holds nothing that broke a bound.

/// Checked values, by setting.
public struct SettingValues: Sendable {
    enum Value: Sendable, Equatable {
        case integer(Int)
        case text(String)
    }

    /// The name of the executable they were read for.
    public let process: String
    private let values: [String: Value]
    /// Properties for every Kafka client of the process, by librdkafka's names.
    public let clientProperties: [String: String]

    init(process: String, values: [String: Value], clientProperties: [String: String]) {
        self.process = process
        self.values = values
        self.clientProperties = clientProperties
    }

    /// - Precondition: the setting has integer bounds and is used by this process.
    public func integer(_ setting: Setting) -> Int {
        guard case .integer(let number) = values[setting.name] else {
            preconditionFailure("\(setting.name) is no number of \(process)")
        }
        return number
    }

    /// - Precondition: the setting is a text or a choice and is used by this process.
    public func text(_ setting: Setting) -> String {
        guard case .text(let text) = values[setting.name] else {
            preconditionFailure("\(setting.name) is no text of \(process)")
        }
        return text
    }

    /// Every setting of the process and its value for the start log line, in the order of the table; values
    /// of client properties that hold secrets are hidden.
    public var effective: [(name: String, value: String)] {
        let own = Setting.all.compactMap { setting in
            values[setting.name].map { (name: setting.name, value: $0.description) }
        }
        let client = clientProperties.sorted { $0.key < $1.key }.map { property, value in
            (name: property, value: ClientProperties.isSecret(property) ? "***" : value)
        }
        return own + client
    }
}

extension SettingValues.Value: CustomStringConvertible {
    var description: String {
        switch self {
        case .integer(let number): String(number)
        case .text(let text): text
        }
    }
}

extension Setting {
    /// The checked value of a text, or why it is refused.
    func value(of text: String) -> Result<SettingValues.Value, SettingProblem> {
        switch bounds {
        case .integer(let range):
            guard let number = Int(text), range.contains(number) else {
                return .failure(refusal(of: text, "must be a whole number in \(bounds) \(unit)"))
            }
            return .success(.integer(number))
        case .text(let maximum):
            guard (1...maximum).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }),
                text.first != " ", text.last != " "
            else { return .failure(refusal(of: text, "must be \(unit) of \(bounds)")) }
            return .success(.text(text))
        case .name(let maximum):
            guard (1...maximum).contains(text.utf8.count), text.utf8.allSatisfy(isNameCharacter) else {
                return .failure(refusal(of: text, "must be \(bounds)"))
            }
            return .success(.text(text))
        case .choice(let allowed):
            guard allowed.contains(text) else {
                return .failure(refusal(of: text, "must be one of \(bounds)"))
            }
            return .success(.text(text))
        }
    }

    private func refusal(of text: String, _ rule: String) -> SettingProblem {
        /// Enough to recognise the value by.
        let shown = text.count > 40 ? text.prefix(40) + "…" : text[...]
        return SettingProblem(name: name, code: .outOfBounds, detail: "\(rule), not \"\(shown)\"")
    }
}

/// What Kafka allows in a topic's name.
private func isNameCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
    default: false
    }
}

extension SettingProblem: Error {}
