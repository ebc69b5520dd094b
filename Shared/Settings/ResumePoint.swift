// Where a service is told to go on in an input whose position is of no use any more: one entry of
// POINTSTREAM_RESUME_AT. Read when a service starts.

/// `topic[partition]@offset`, as log lines name places.
public struct ResumePoint: Sendable, Equatable {
    public let topic: String
    public let partition: Int32
    public let offset: Int64

    public init(topic: String, partition: Int32, offset: Int64) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }

    /// - Parameter text: entries separated by commas, or `none`.
    static func list(_ text: String) throws(SettingsFailure) -> [ResumePoint] {
        guard text != Setting.resumeAt.fallback else { return [] }
        var points: [ResumePoint] = []
        for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let match = entry.wholeMatch(of: /\s*([A-Za-z0-9._-]+)\[(\d{1,9})\]@(\d{1,18})\s*/),
                let partition = Int32(match.output.2), let offset = Int64(match.output.3)
            else { throw problem(.malformed, "\(entry) is not of the form \(Setting.resumeAt.unit)") }
            let point = ResumePoint(topic: String(match.output.1), partition: partition, offset: offset)
            guard !points.contains(where: { $0.topic == point.topic && $0.partition == point.partition }) else {
                throw problem(.repeated, "\(point.topic)[\(partition)] stands in it twice")
            }
            points.append(point)
        }
        return points
    }

    /// A place that the service does not read would be passed over in silence, and with it what was decided.
    ///
    /// - Parameters:
    ///   - inputs: the names of the topics that the service reads by position.
    ///   - partitions: how many each of them has.
    public static func check(
        _ points: [ResumePoint], inputs: [String], partitions: Int
    ) throws(SettingsFailure) {
        for point in points {
            guard inputs.contains(point.topic) else {
                throw problem(
                    .unknown,
                    "this service has no input \(point.topic): its inputs are \(inputs.joined(separator: ", "))")
            }
            guard point.partition < partitions else {
                throw problem(
                    .outOfBounds,
                    "\(point.topic)[\(point.partition)] does not exist: there are \(partitions) partitions, from 0")
            }
        }
    }

    private static func problem(_ code: SettingProblem.Code, _ detail: String) -> SettingsFailure {
        SettingsFailure(problems: [SettingProblem(name: Setting.resumeAt.name, code: code, detail: detail)])
    }
}
