// Which paths runs have taken, counted from their evidence: a check that met none of a kind has shown nothing
// about it.

import EventLog
import JSONText
import Messages
import Primitives
import Simulation
import SimulatedLog

struct TakenPaths {
    private(set) var counts: [String: Int] = [:]

    private mutating func count(_ path: String) { counts[path, default: 0] += 1 }

    mutating func add(_ evidence: Evidence) {
        for (topic, partitions) in evidence.topics {
            let noun = TopicDefinition.all[topic.number].noun
            for record in partitions.joined() { add(record, noun) }
        }
        for attempt in evidence.attempts { count("webhook \(attempt.status.map { String($0) } ?? "unanswered")") }
        for submitted in evidence.submitted {
            if case .document(let kind, _, let json) = submitted.submission {
                count("document \(kind)\(json == nil ? " removed" : "")")
            }
        }
    }

    private mutating func add(_ record: SimulatedRecord, _ noun: String) {
        let type = record.headerText("ce_type") ?? ""
        switch noun {
        case "wallet-transactions":
            let body = parsed(record)
            count("\(type) \(body?["refusal"]?.string() ?? "applied")")
        case "evaluations":
            for offer in parsed(record)?["offers"]?.items.compactMap({ $0["verdict"]?.string() }) ?? [] {
                count("verdict \(offer)")
            }
        case "rewards-issued": count("\(type) \(parsed(record)?["reason"]?.string() ?? "")")
        case "replies":
            count("reply \(record.headerText("outcome") ?? "")\(record.headerText("replayed") ?? "")")
        case "notices": count("receipt \(parsed(record)?["outcome"]?.string() ?? "")")
        case "awards": count("award \(record.headerText("outcome") ?? "")")
        default:
            if let reason = record.headerText("dead-letter-reason") { return count("\(noun) \(reason)") }
            if !noun.hasSuffix("changelog") { count("\(noun) \(type)") }
        }
    }

    private func parsed(_ record: SimulatedRecord) -> JSONValue? {
        do throws(JSONError) {
            return try JSONDocument(parsing: record.value ?? []).root
        } catch {
            return nil
        }
    }
}
