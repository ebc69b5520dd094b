// asyncapi.yaml and openapi.yaml as text, against the code: topics, message types, codes and examples. That
// they are valid documents of their kind is checked by compose/lib/contracts.py.

import Configuration
import IngressGatewayDomain
import JSONText
import Messages
import RewardsIssuerDomain
import RuleEvaluatorDomain
import Testing
import WalletLedgerDomain

@Suite struct DocumentTests {
    @Test(arguments: TopicDefinition.all)
    func `A topic stands in asyncapi.yaml with its name and its retention`(_ topic: TopicDefinition) throws {
        let document = try ContractFiles.asyncAPI()
        var address = topic.noun
        for service in ServiceName.allCases where topic.noun.hasPrefix(service.rawValue + "-") {
            address = topic.noun.replacing(service.rawValue, with: "{service}")
        }
        let start = try #require(
            document.firstRange(of: "address: pointstream.\(address).v1\n"), "\(topic.noun)")
        let channel = try #require(document[start.upperBound...].split(separator: "    address:").first)
        let binding =
            switch topic.retention {
            case .short(let milliseconds):
                milliseconds == 604_800_000 ? "channelBindings/week" : "channelBindings/hour"
            case .long: "channelBindings/long"
            case .compact: "cleanup.policy: [compact]"
            }
        #expect(channel.contains(binding), "\(topic.noun)")
        #expect(channel.contains("partitions: 1") == !topic.isPartitioned, "\(topic.noun)")
    }

    @Test func `The five services stand in asyncapi.yaml, as names of changelogs and dead letters`() throws {
        let services = ServiceName.allCases.map(\.rawValue).joined(separator: ", ")
        #expect(try ContractFiles.asyncAPI().contains("enum: [\(services)]"))
        #expect(try ContractFiles.asyncAPI().contains("retention.ms: 604800000}"))
        #expect(try ContractFiles.asyncAPI().contains("retention.ms: 3600000}"))
        #expect(try ContractFiles.asyncAPI().contains("retention.ms: -1}"))
    }

    @Test(arguments: MessageType.allCases)
    func `A message type stands in asyncapi.yaml`(_ type: MessageType) throws {
        #expect(try ContractFiles.asyncAPI().contains("      name: \(type.rawValue)\n"))
    }

    @Test(arguments: ConfigurationKind.allCases)
    func `A kind of document stands in asyncapi.yaml`(_ kind: ConfigurationKind) throws {
        #expect(try ContractFiles.asyncAPI().contains("      name: \(kind.rawValue)\n"))
    }

    @Test func `Every example stands in a contract, and every reference to one finds its part`() throws {
        let documents = [try ContractFiles.asyncAPI(), try ContractFiles.openAPI()]
        var used: Set<String> = []
        for reference in documents.flatMap({ $0.matches(of: /Examples\/([a-z0-9-]+)\.json(#\/([a-z]+))?/) }) {
            let example = try Example(String(reference.1))
            used.insert(example.name)
            guard let part = reference.3 else { continue }
            #expect(example.root[String(part)] != nil, "\(example.name)#/\(part)")
        }
        let unused = Set(try ContractFiles.names(in: "Examples")).subtracting(used)
        #expect(unused.sorted() == [])
    }

    @Test func `The codes of refusals, verdicts and reasons stand in the schemas that have them`() throws {
        let transaction = try ContractFiles.text("Shared/Contracts/Schemas/wallet-transaction.json")
        for refusal in Refusal.allCases {
            #expect(transaction.contains("`\(refusal.rawValue)`"), "\(refusal)")
        }
        let evaluation = try ContractFiles.text("Shared/Contracts/Schemas/evaluation.json")
        for verdict in Verdict.allCases {
            #expect(evaluation.contains("`\(verdict.rawValue)`"), "\(verdict)")
        }
        for reason in AwardCommand.Reason.allCases {
            #expect(evaluation.contains("\"\(reason.rawValue)\""), "\(reason)")
        }
        let issue = try ContractFiles.text("Shared/Contracts/Schemas/reward-issue.json")
        #expect(issue.contains("`\(DecideIssuance.unknownReward)`"))
    }
}
