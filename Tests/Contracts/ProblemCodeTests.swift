// The problem codes of openapi.yaml against the code of the gateway and of the services whose refusals it
// passes on. Codes that have an enum are taken from it; the door's and the field readers' stand as literals,
// and are found in their sources.

import IngressGatewayDomain
import JSONText
import Messages
import RewardsIssuerDomain
import Testing
import WalletLedgerDomain

@Suite struct ProblemCodeTests {
    @Test func `The codes in openapi.yaml are those that the gateway can answer`() throws {
        let codes = try Self.doorCodes().union(try Self.fieldCodes()).union(Self.outcomeCodes)
            .union(Self.documentCodes.map(\.rawValue)).union(TimeRefusal.allCases.map(\.rawValue))
        let documented = try Self.documented()
        #expect(documented.subtracting(codes).sorted() == [], "documented only")
        #expect(codes.subtracting(documented).sorted() == [], "answered only")
    }

    @Test(arguments: try Example.all().filter { $0.root["code"] != nil || $0.message == "problem" })
    func `A problem code in an example stands in openapi.yaml`(_ example: Example) throws {
        let code = try #require((example.root["code"] ?? example.body?["code"])?.string())
        #expect(try Self.documented().contains(code))
    }

    @Test(arguments: try Example.all().filter { $0.root["route"]?.string() == "POST /v1/events" })
    func `The door reads a posted purchase as its example says`(_ example: Example) throws {
        let ownCodes: Set = [
            "key-reuse", "key-required", "key-invalid", "unsupported-media-type", "unknown-wallet", "too-old",
            "future-event",
        ]
        let due = example.root["code"]?.string()
        do {
            _ = try readCanonicalPurchase(example.bytes)
            // Refused for something else than its body.
            #expect(due.map { ownCodes.contains($0) } ?? true)
        } catch {
            #expect(error.code == due)
        }
    }

    /// All lists of codes in openapi.yaml.
    static func documented() throws -> Set<String> {
        var codes: Set<String> = []
        for list in try ContractFiles.openAPI().matches(of: /x-extensible-enum:\n((?: {20,}- [a-z-]+\n)+)/) {
            codes.formUnion(list.1.split(separator: "\n").map { String($0.drop { $0 == " " || $0 == "-" }) })
        }
        return codes
    }

    /// The door's own, and those of idempotency keys.
    static func doorCodes() throws -> Set<String> {
        let service = ["Services/IngressGateway/Service"]
        return try ContractFiles.matches(/(?:Problem|self\.init)\(\s*\d{3},\s*"([a-z-]+)"/, in: service)
            .union(try ContractFiles.matches(/\.unavailable\(\s*"([a-z-]+)"/, in: service))
            .union(
                try ContractFiles.matches(
                    /case \w+ = "([a-z-]+)"/, in: ["Services/IngressGateway/Domain/IdempotencyKey.swift"]))
    }

    /// Of a document as a whole.
    static let documentCodes: [JSONError.Code] = [
        .emptyBody, .invalidJSON, .duplicateKey, .tooDeep, .tooLarge, .numberOutOfRange, .invalidEncoding,
        .nulCharacter,
        .tooManyItems, .tooManyFields,
    ]

    /// What the door's readers can say of a field. Unknown fields are refused in configuration alone; a
    /// record without a
    /// mapping comes through another door.
    static func fieldCodes() throws -> Set<String> {
        try ContractFiles.matches(
            /code: (?:String = )?"([a-z-]+)"/,
            in: [
                "Shared/JSONText/FieldReader.swift", "Shared/JSONText/FieldReader+Scalars.swift",
                "Shared/JSONText/FieldReader+Text.swift", "Shared/Messages/Purchase.swift",
                "Services/IngressGateway/Domain/CanonicalEvent.swift",
            ]
        ).subtracting(["unknown-field", "no-mapping"])
    }

    /// What becomes of an accepted event or request. Not: refusals of commands that no route sends.
    static let outcomeCodes: Set<String> = {
        let elsewhere: Set<Refusal> = [.walletExists, .alreadyBlocked, .notBlocked]
        let refusals = Refusal.allCases.filter { !elsewhere.contains($0) }.map(\.rawValue)
        // The hold of a reward that was voided by somebody else; and a reason that is no code.
        return Set(refusals + [DecideIssuance.unknownReward, "hold-voided", "refused"])
    }()
}
