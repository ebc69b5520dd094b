// What holds for the whole programme. There is one document, `programme/default`; without it the standard
// values hold.

import JSONText
import Primitives

/// The programme that all wallets belong to.
public struct Programme: Sendable, Equatable {
    /// The only id.
    public static let id = "default"
    /// In force until a document is published.
    public static let standard = Programme(name: "pointstream")

    /// Offset of its record on `config`; 0 before it is published.
    public let version: Int64
    /// Part of every wallet's id: another name means other wallets.
    public let name: String
    /// Points that must remain after every spend (K23); a reward may ask for more.
    public let minimumBalanceAfterSpend: Points

    public init(version: Int64 = 0, name: String, minimumBalanceAfterSpend: Points = .zero) {
        self.version = version
        self.name = name
        self.minimumBalanceAfterSpend = minimumBalanceAfterSpend
    }

    static func read(_ fields: inout FieldReader, id: String, version: Int64) -> Programme? {
        fields.refuseOthers(than: ["kind", "id", "name", "minimumBalanceAfterSpend"])
        if id != Self.id {
            fields.report("id", code: "unknown-value", detail: "one of: \(Self.id)")
        }
        let name = fields.text("name", required: false, maximum: ConfigurationBounds.textBytes)
        let minimum = fields.points("minimumBalanceAfterSpend", in: .zero...Points.maximum, required: false)
        guard fields.problems.isEmpty else { return nil }
        return Programme(
            version: version, name: name ?? standard.name, minimumBalanceAfterSpend: minimum ?? .zero)
    }

    func encode(to writer: inout JSONWriter) {
        writer.field("name", name)
        writer.field("minimumBalanceAfterSpend", minimumBalanceAfterSpend.units)
    }
}
