// The body of a webhook: {"type", "timestamp", "data"}, data being the outcome as it was published. Written
// when an attempt is made, so that the store holds the data alone. Never longer than receivers are promised:
// of an outcome with very long lists the lists are left out and named.

import Configuration
import JSONText
import Primitives

public enum NoticeBody {
    /// Receivers of Standard Webhooks need not take more than 20 kB; the rest is for type and timestamp.
    public static let maximumDataBytes = 19_800
    /// A list that is longer than this is left out of data that is too long.
    static let maximumListBytes = 2_000

    /// The whole body. The same notice has the same bytes in every attempt.
    public static func encoded(_ type: NoticeType, at occurredAt: Timestamp, data: [UInt8]) -> [UInt8] {
        var body: [UInt8] = []
        body.reserveCapacity(data.count + 96)
        body.append(contentsOf: StaticBytes("{\"type\":\""))
        body.append(contentsOf: type.rawValue.utf8)
        body.append(contentsOf: StaticBytes("\",\"timestamp\":\""))
        body.append(contentsOf: occurredAt.rfc3339)
        body.append(contentsOf: StaticBytes("\",\"data\":"))
        body.append(contentsOf: data)
        body.append(UInt8(ascii: "}"))
        return body
    }

    /// An outcome's body as the data of a notice: unchanged, unless it is too long. Then its long members are
    /// named in `omitted`, and a receiver that needs them asks the API.
    public static func data(of outcome: JSONValue) -> [UInt8] {
        guard outcome.rawRange.count > maximumDataBytes else { return Array(outcome.rawBytes) }
        var writer = JSONWriter()
        var omitted: [String] = []
        writer.beginObject()
        for (key, value) in outcome.members {
            if value.rawRange.count > maximumListBytes || writer.bytes.count > maximumDataBytes / 2 {
                omitted.append(key)
            } else {
                writer.key(text: key)
                writer.raw(value.rawBytes)
            }
        }
        writer.array("omitted") { writer in
            for key in omitted.prefix(maximumOmitted) {
                writer.string(String(key.prefix(maximumNameCharacters)))
            }
        }
        writer.endObject()
        return writer.bytes
    }

    /// Outcomes have fewer members than this; a record of somebody else's is cut.
    private static let maximumOmitted = 40
    private static let maximumNameCharacters = 40
}
