// asyncapi.yaml and openapi.yaml as text, against the code: topics, message types, codes and examples. That they are valid
// documents of their kind is checked by compose/lib/contracts.py.

import Configuration
import JSONText
import Messages
import Testing

@Suite struct DocumentTests {
    @Test(arguments: TopicDefinition.all)
    func `A topic stands in asyncapi.yaml with its name and its retention`(_ topic: TopicDefinition) throws {
        let document = try ContractFiles.asyncAPI()
        var address = topic.noun
        for service in ServiceName.allCases where topic.noun.hasPrefix(service.rawValue + "-") {
            address = topic.noun.replacing(service.rawValue, with: "{service}")
        }
        let start = try #require(document.firstRange(of: "address: pointstream.\(address).v1\n"), "\(topic.noun)")
        let channel = try #require(document[start.upperBound...].split(separator: "    address:").first)
        let binding =
            switch topic.retention {
            case .short(let milliseconds): milliseconds == 604_800_000 ? "channelBindings/week" : "channelBindings/hour"
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
        #expect(Set(try ContractFiles.names(in: "Examples")).subtracting(used).sorted() == [])
    }

    @Test(arguments: try Example.all().filter { $0.root["code"] != nil || $0.message == "problem" })
    func `A problem code in an example stands in openapi.yaml`(_ example: Example) throws {
        let code = try #require((example.root["code"] ?? example.body?["code"])?.string())
        #expect(try Self.documentedCodes().contains(code))
    }

    // MARK: Problem codes

    static let door = "Services/IngressGateway/Service/Problem.swift"

    static func documentedCodes() throws -> Set<String> {
        var codes: Set<String> = []
        for list in try ContractFiles.openAPI().matches(of: /x-extensible-enum:\n((?: {20,}- [a-z-]+\n)+)/) {
            codes.formUnion(list.1.split(separator: "\n").map { String($0.drop { $0 == " " || $0 == "-" }) })
        }
        return codes
    }

    /// Codes of a document as a whole.
    static let documentCodes: [JSONError.Code] = [
        .emptyBody, .invalidJSON, .duplicateKey, .tooDeep, .tooLarge, .numberOutOfRange, .invalidEncoding, .nulCharacter,
        .tooManyItems, .tooManyFields,
    ]

    /// What the doors' readers can say of a field. Not: fields that only configuration has, and ids, which no client sends.
    static func fieldCodes() throws -> Set<String> {
        try ContractFiles.matches(
            /code: "([a-z-]+)"/,
            in: [
                "Shared/JSONText/FieldReader.swift", "Shared/JSONText/FieldReader+Scalars.swift",
                "Shared/JSONText/FieldReader+Text.swift", "Shared/Messages/Purchase.swift",
                "Services/IngressGateway/Domain/CanonicalEvent.swift",
            ]
        ).subtracting(["unknown-field", "no-mapping"])
    }

    /// What becomes of a request that was accepted: the reasons that the ledger and the issuer can give for it.
    static let outcomeCodes: Set<String> = [
        "unknown-wallet", "wallet-blocked", "balance-limit", "unknown-reward", "insufficient-balance", "too-many-lots",
        "hold-exists", "unknown-hold", "hold-ended", "hold-expired", "hold-voided", "points-exceed-hold", "refused",
    ]

    @Test(.enabled(if: ContractFiles.exists(door), "the gateway's door is not there"))
    func `The codes in openapi.yaml are those that the gateway can answer`() throws {
        let service = ["Services/IngressGateway/Service"]
        var codes = try Self.fieldCodes().union(Self.outcomeCodes).union(Self.documentCodes.map(\.rawValue))
        codes.formUnion(try ContractFiles.matches(/(?:Problem|self\.init)\(\d{3}, "([a-z-]+)"/, in: service))
        codes.formUnion(try ContractFiles.matches(/\.unavailable\(\s*"([a-z-]+)"/, in: service))
        codes.formUnion(
            try ContractFiles.matches(
                /case \w+ = "([a-z-]+)"/,
                in: ["Services/IngressGateway/Domain/IdempotencyKey.swift", "Services/IngressGateway/Domain/DecideIntake.swift"]))
        #expect(codes.symmetricDifference(try Self.documentedCodes()).sorted() == [])
    }
}
