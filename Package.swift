// swift-tools-version: 6.2
// Every target of Pointstream. A service is four targets made by one function; there are no package
// dependencies.
import PackageDescription

/// A purchase passes some thirty small functions of other modules: in release builds they are specialised and inlined
/// across modules, and exclusive access, which debug builds and all tests check at run time, is not checked again.
let fast: SwiftSetting = .unsafeFlags(
    ["-cross-module-optimization", "-enforce-exclusivity=unchecked"], .when(configuration: .release))

let strict: [SwiftSetting] = [.strictMemorySafety(), .treatAllWarnings(as: .error), fast]

func native(_ name: String, package: String) -> Target {
    .systemLibrary(name: name, path: "Shared/Native/\(name)", providers: [.apt([package])])
}

func shared(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Shared/\(name)", swiftSettings: strict)
}

func tests(_ name: String, at path: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(path)", swiftSettings: strict)
}

/// Domain (pure decisions), Service (topology, processor, store) and Main (the executable) of one service.
func service(
    _ folder: String, executable: String, domain extraDomain: [Target.Dependency] = [],
    service extra: [Target.Dependency] = [], tests more: [Target.Dependency] = []
) -> [Target] {
    let runtime: [Target.Dependency] = [
        "Primitives", "Messages", "JSONText", "Configuration", "EventLog", "StateStore", "StreamRuntime", "Telemetry",
    ]
    return [
        .target(
            name: "\(folder)Domain", dependencies: ["Primitives", "Messages", "Configuration"] + extraDomain,
            path: "Services/\(folder)/Domain", swiftSettings: strict),
        .target(
            name: "\(folder)Service", dependencies: [.target(name: "\(folder)Domain")] + runtime + extra,
            path: "Services/\(folder)/Service", swiftSettings: strict),
        .executableTarget(
            name: executable,
            dependencies: [
                .target(name: "\(folder)Service"), "ServiceHost", "EventLog", "Primitives",
            ] + extra,
            path: "Services/\(folder)/Main", swiftSettings: strict),
        tests(
            "\(folder)Tests", at: "Services/\(folder)Tests",
            [.target(name: "\(folder)Domain"), .target(name: "\(folder)Service"), "ServiceRig", "SimulatedLog"]
                + runtime + extra + more),
    ]
}

let package = Package(
    name: "Pointstream",
    targets: [
        native("CRDKafka", package: "librdkafka-dev"),
        native("CSQLite", package: "libsqlite3-dev"),
        native("CMicroHTTPD", package: "libmicrohttpd-dev"),
        native("CCrypto", package: "libssl-dev"),
        native("CTLS", package: "libssl-dev"),
        native("CEpoll", package: "libc6-dev"),
        native("CMalloc", package: "libc6-dev"),
        .target(name: "CKafkaClock", path: "Shared/Native/CKafkaClock"),

        shared("Primitives"),
        shared("JSONText", ["Primitives"]),
        shared("Digests", ["Primitives", "CCrypto"]),
        shared("Telemetry", ["Primitives"]),
        shared("HTTPGate", ["CMicroHTTPD"]),
        shared("EventLog", ["Primitives"]),
        shared("Messages", ["Primitives", "JSONText", "EventLog", "Digests"]),
        shared("Configuration", ["Primitives", "JSONText", "Digests"]),
        shared("StateStore", ["EventLog", "Primitives", "JSONText", "CSQLite"]),
        shared("KafkaLog", ["EventLog", "Primitives", "CRDKafka", "CKafkaClock"]),
        shared("SimulatedLog", ["EventLog", "Primitives"]),
        shared("Settings", ["Primitives"]),
        shared("Webhooks", ["Configuration", "Primitives", "CTLS", "CEpoll"]),
        shared(
            "StreamRuntime",
            ["Primitives", "JSONText", "EventLog", "Messages", "Configuration", "StateStore", "Telemetry"]),

        shared(
            "ServiceHost",
            [
                "Primitives", "JSONText", "EventLog", "KafkaLog", "Messages", "Settings", "StreamRuntime", "Telemetry",
                "HTTPGate", "CMalloc",
            ]),

        .target(
            name: "ServiceRig",
            dependencies: [
                "SimulatedLog", "StreamRuntime", "EventLog", "Messages", "Configuration", "Primitives", "Telemetry",
                "StateStore", "JSONText",
            ],
            path: "Tests/Support/ServiceRig", swiftSettings: strict),
        tests("LayoutTests", at: "Layout", []),
        tests("PrimitivesTests", at: "Shared/PrimitivesTests", ["Primitives"]),
        tests("JSONTextTests", at: "Shared/JSONTextTests", ["JSONText", "Primitives"]),
        tests("DigestsTests", at: "Shared/DigestsTests", ["Digests"]),
        tests("MessagesTests", at: "Shared/MessagesTests", ["Messages", "JSONText", "Primitives"]),
        tests("StateStoreTests", at: "Shared/StateStoreTests", ["StateStore", "EventLog", "Primitives"]),
        tests(
            "StreamRuntimeTests", at: "Shared/StreamRuntimeTests",
            ["StreamRuntime", "ServiceRig", "SimulatedLog", "StateStore", "EventLog", "Messages", "Primitives"]),
        tests("SimulatedLogTests", at: "Shared/SimulatedLogTests", ["SimulatedLog", "EventLog", "Primitives"]),
        tests("SettingsTests", at: "Shared/SettingsTests", ["Settings"]),
        tests(
            "ConfigurationTests", at: "Shared/ConfigurationTests",
            ["Configuration", "JSONText", "Digests", "Primitives"]),
        tests(
            "WebhooksTests", at: "Shared/WebhooksTests", ["Webhooks", "Configuration", "HTTPGate", "CTLS"]),
        tests("HTTPGateTests", at: "Shared/HTTPGateTests", ["HTTPGate"]),
        tests("TelemetryTests", at: "Shared/TelemetryTests", ["Telemetry", "Primitives"]),

        tests(
            "ContractTests", at: "Contracts",
            [
                "Messages", "Configuration", "JSONText", "Primitives", "IngressGatewayDomain", "RuleEvaluatorDomain",
                "RewardsIssuerDomain", "WalletLedgerDomain", "NotifierDomain",
            ]),

        .target(
            name: "OperatorService",
            dependencies: [
                "Primitives", "JSONText", "Configuration", "Settings", "EventLog", "KafkaLog", "Messages",
            ],
            path: "Services/Operator/Service", swiftSettings: strict),
        .executableTarget(
            name: "pointstream", dependencies: ["OperatorService", "Primitives"], path: "Services/Operator/Main",
            swiftSettings: strict),
        tests(
            "OperatorTests", at: "Services/OperatorTests",
            ["OperatorService", "Configuration", "EventLog", "KafkaLog", "SimulatedLog", "Messages", "Primitives"]),

        .target(
            name: "Simulation",
            dependencies: [
                "SimulatedLog", "StreamRuntime", "StateStore", "EventLog", "Messages", "Configuration", "Primitives",
                "Telemetry", "JSONText", "IngressGatewayService", "RuleEvaluatorService", "WalletLedgerService",
                "RewardsIssuerService", "NotifierService", "NotifierDomain", "Digests",
            ],
            path: "Tests/System/Simulation", swiftSettings: strict),
        .executableTarget(
            name: "simulate", dependencies: ["Simulation"], path: "Tests/System/Simulate", swiftSettings: strict),
        tests(
            "SystemTests", at: "System/SystemTests",
            [
                "Simulation", "simulate", "ServiceRig", "SimulatedLog", "StateStore", "StreamRuntime", "EventLog", "Messages",
                "Primitives", "JSONText", "IngressGatewayService", "RuleEvaluatorService", "WalletLedgerService",
                "RewardsIssuerService", "NotifierService", "NotifierDomain",
            ]),

        .executableTarget(
            name: "chain",
            dependencies: [
                "EventLog", "Messages", "Primitives", "StreamRuntime", "Telemetry", "IngressGatewayService",
                "RuleEvaluatorService", "WalletLedgerService",
            ],
            path: "Tests/Benchmarks/Chain", swiftSettings: strict),

        .target(name: "TestBroker", path: "Tests/Support/TestBroker", swiftSettings: strict),
        tests(
            "KafkaLogTests", at: "Broker/KafkaLogTests",
            ["KafkaLog", "EventLog", "Primitives", "CRDKafka", "TestBroker"]),
        tests(
            "PlatformTests", at: "Broker/PlatformTests",
            [
                "KafkaLog", "EventLog", "Primitives", "Messages", "JSONText", "StateStore", "StreamRuntime",
                "CRDKafka", "TestBroker", "ingress-gateway",
                "rule-evaluator", "wallet-ledger", "rewards-issuer", "notifier", "pointstream",
            ]),
    ]
        + service(
            "IngressGateway", executable: "ingress-gateway", domain: ["JSONText"],
            service: ["HTTPGate", "Digests", "Settings", "KafkaLog"])
        + service("RuleEvaluator", executable: "rule-evaluator")
        + service("WalletLedger", executable: "wallet-ledger", domain: ["JSONText", "Digests"])
        + service("RewardsIssuer", executable: "rewards-issuer")
        + service(
            "Notifier", executable: "notifier", domain: ["Digests", "JSONText"], service: ["Webhooks"],
            tests: ["HTTPGate"])
)
