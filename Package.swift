// swift-tools-version: 6.2
// Every target of Pointstream. A service is three targets made by one function; there are no package dependencies.
import PackageDescription

let strict: [SwiftSetting] = [.strictMemorySafety(), .treatAllWarnings(as: .error)]

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
    _ folder: String, executable: String, service extra: [Target.Dependency] = []
) -> [Target] {
    let runtime: [Target.Dependency] = [
        "Primitives", "Messages", "JSONText", "Configuration", "EventLog", "StateStore", "StreamRuntime",
        "Telemetry",
    ]
    return [
        .target(
            name: "\(folder)Domain", dependencies: ["Primitives", "Messages"],
            path: "Services/\(folder)/Domain", swiftSettings: strict),
        .target(
            name: "\(folder)Service", dependencies: [.target(name: "\(folder)Domain")] + runtime + extra,
            path: "Services/\(folder)/Service", swiftSettings: strict),
        .executableTarget(
            name: executable, dependencies: [.target(name: "\(folder)Service"), "ServiceHost"],
            path: "Services/\(folder)/Main", swiftSettings: strict),
    ]
}

let package = Package(
    name: "Pointstream",
    targets: [
        native("CRDKafka", package: "librdkafka-dev"),
        native("CSQLite", package: "libsqlite3-dev"),
        native("CMicroHTTPD", package: "libmicrohttpd-dev"),
        native("CCrypto", package: "libssl-dev"),

        shared("Primitives"),
        shared("JSONText"),

        shared("EventLog", ["Primitives"]),
        shared("KafkaLog", ["EventLog", "Primitives", "CRDKafka"]),
        shared("SimulatedLog", ["EventLog", "Primitives"]),

        .target(name: "TestBroker", path: "Tests/Support/TestBroker", swiftSettings: strict),
        tests("KafkaLogTests", at: "Broker/KafkaLogTests", ["KafkaLog", "EventLog", "Primitives", "CRDKafka", "TestBroker"]),
    ]
)
