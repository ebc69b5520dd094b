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
            else {
                throw SettingsFailure(problems: [
                    SettingProblem(
                        name: Setting.resumeAt.name, code: .malformed,
                        detail: "\(entry) is not of the form \(Setting.resumeAt.unit)")
                ])
            }
            points.append(ResumePoint(topic: String(match.output.1), partition: partition, offset: offset))
        }
        return points
    }
}
