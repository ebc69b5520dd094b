// One service's dead letters on one partition, held against the inputs that nobody can process: each of those
// is kept once, with its key, value and headers as they were received, and no other record is. Used by every
// stage of the model.

import EventLog
import Messages
import Primitives

final class ModelLetters {
    private let run: ModelRun
    private var byOrigin: [String: ModelRecord] = [:]
    private var taken: Set<String> = []

    init(_ run: ModelRun, _ service: ServiceName, _ partition: PartitionIndex) {
        self.run = run
        for letter in run.records(.deadLetters(of: service), partition) {
            // A notice that was given up is no input that could not be processed.
            if letter.header("webhook-id") != nil { continue }
            guard let origin = Self.origin(of: letter) else {
                run.report(.deadLetters, "\(letter.label) does not say where it comes from")
                continue
            }
            if byOrigin[origin] != nil { run.report(.doubled, "\(letter.place): the dead letter of \(origin)") }
            byOrigin[origin] = letter
        }
    }

    private static func origin(of letter: ModelRecord) -> String? {
        guard let topic = letter.text("dead-letter-topic"), let partition = letter.text("dead-letter-partition"),
            let offset = letter.text("dead-letter-offset")
        else { return nil }
        return "\(topic)/\(partition)@\(offset)"
    }

    private static let catalog = TopicCatalog.pointstream()

    private func origin(_ input: ModelRecord) -> String {
        "\(Self.catalog.name(of: input.topic))/\(input.partition)@\(input.offset)"
    }

    /// Why an input was given up; nil if it was not.
    func reason(of input: ModelRecord) -> String? { byOrigin[origin(input)]?.text("dead-letter-reason") }

    /// The clock of whoever gave it up.
    func time(of input: ModelRecord) -> Timestamp? {
        byOrigin[origin(input)]?.header("dead-letter-time").flatMap { Timestamp(rfc3339: $0) }
    }

    func letter(of input: ModelRecord) -> ModelRecord? { byOrigin[origin(input)] }

    /// An input that nobody can process, for one of these reasons; nil: for any.
    func expect(_ input: ModelRecord, _ codes: Set<String>?) {
        let key = origin(input)
        taken.insert(key)
        guard let letter = byOrigin[key] else {
            return run.reportMissing(.deadLetters, "\(input.label): no dead letter, due is \(codes ?? [])")
        }
        let reason = letter.text("dead-letter-reason") ?? ""
        if reason.isEmpty || !(codes?.contains(reason) ?? true) {
            run.report(.deadLetters, "\(input.label): \(letter.place) says \(reason), due is \(codes ?? [])")
        }
        let original = letter.record.headers.filter { !$0.name.starts(with: "dead-letter-".utf8) }
        if letter.record.key != input.record.key || letter.value != input.value
            || original != input.record.headers
        {
            run.report(.deadLetters, "\(input.label): \(letter.place) is not what was received")
        }
    }

    /// What is there without an input that deserves it.
    func finish() {
        for (origin, letter) in byOrigin.sorted(by: { $0.key < $1.key }) where !taken.contains(origin) {
            run.report(
                .deadLetters,
                "\(letter.place): \(origin) was given up (\(letter.text("dead-letter-reason") ?? "")) without need")
        }
    }
}
