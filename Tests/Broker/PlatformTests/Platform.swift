// The whole platform as real processes on a real broker, with topics of its own: starts and ends
// services, publishes purchases as a till would, and reads what downstream systems see with a
// reader of its own.

import EventLog
import Foundation
import JSONText
import KafkaLog
import Messages
import Primitives
import TestBroker

final class Platform {
    static let apiKey = "test-operator-key"
    static let apiSecret = "a-secret-of-the-tests-only"

    let folder: String
    let prefix: String
    let brokers: String
    let partitions: Int32
    let log: KafkaLog
    private(set) var running: [ServiceRun] = []
    private let publisher: KafkaPublisher
    private struct Publication {
        let topic: TopicID
        let partition: PartitionIndex
        let key: [UInt8]
        let headers: HeaderList
        let value: [UInt8]?
    }
    private var published = UInt64(0)
    /// What the broker has not acknowledged yet.
    private var underway: [UInt64: Publication] = [:]

    /// - Parameter cluster: brokers of the test's own; those that all tests share otherwise.
    init(_ name: String, partitions: Int32 = 4, on cluster: TestCluster? = nil) throws {
        brokers = try cluster?.bootstrapServers ?? TestBroker.bootstrapServers()
        prefix = TestBroker.uniqueName(name).replacingOccurrences(of: ".", with: "-")
        folder = FileManager.default.temporaryDirectory.path + "/" + prefix
        self.partitions = partitions
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        log = try KafkaLog(
            settings: KafkaSettings(bootstrapServers: brokers, clientID: prefix) { _ in },
            catalog: .pointstream(prefix: prefix))
        let replication = ["--replication", "\(cluster?.replication ?? 1)"]
        try Self.command(["topics"] + replication, brokers: brokers, prefix: prefix, partitions: partitions)
        publisher = try log.makePublisher(to: [])
        try configure()
    }

    deinit {
        running.removeAll()
        publisher.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    // MARK: The operator's command

    static func command(_ arguments: [String], brokers: String, prefix: String, partitions: Int32) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: ServiceRun.executables + "/pointstream")
        process.arguments = arguments + ["--brokers", brokers, "--prefix", prefix]
        if arguments.first == "topics" { process.arguments?.append(contentsOf: ["--partitions", "\(partitions)"]) }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw PlatformFailure("pointstream \(arguments): \(String(decoding: said, as: UTF8.self))")
        }
    }

    private func configure() throws {
        try apply(
            #"""
            [{"kind": "source", "id": "till", "active": true, "openWallets": true, "repeatWindowDays": 36500},
             {"kind": "offer", "id": "one-per-dollar", "name": "One point per dollar", "active": true,
              "eventTypes": ["purchase"],
              "award": {"kind": "perCurrencyUnit", "pointsPerUnit": 1, "currency": "USD", "rounding": "floor"}},
             {"kind": "reward", "id": "voucher", "name": "Voucher", "active": true, "paymentMode": "POINTS",
              "points": 100},
             {"kind": "apikey", "id": "\#(Self.apiKey)", "role": "operator", "source": "till", "active": true,
              "secret": "\#(Self.apiSecret)"}]
            """#)
    }

    func apply(_ documents: String) throws {
        let file = folder + "/documents.json"
        try Data(documents.utf8).write(to: URL(fileURLWithPath: file))
        try Self.command(["apply", file], brokers: brokers, prefix: prefix, partitions: partitions)
    }

    // MARK: Services

    @discardableResult
    func start(
        _ service: ServiceName, instance: String = "1", settings: [String: String] = [:], disk: PrivateDisk? = nil
    ) throws -> ServiceRun {
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("POINTSTREAM_") }
        environment["POINTSTREAM_BROKERS"] = brokers
        environment["POINTSTREAM_PREFIX"] = prefix
        environment["POINTSTREAM_PARTITIONS"] = "\(partitions)"
        environment["POINTSTREAM_SESSION_TIMEOUT_MS"] = "6000"
        environment.merge(settings) { $1 }
        let run = try ServiceRun(
            service, folder: dataFolder(of: service, instance), environment: environment, disk: disk)
        running.append(run)
        return run
    }

    func dataFolder(of service: ServiceName, _ instance: String = "1") -> String {
        "\(folder)/\(service.rawValue)-\(instance)"
    }

    func startAll() throws {
        for service in ServiceName.allCases { try start(service) }
        try waitUntilReady()
    }

    func waitUntilReady() throws {
        for run in running where run.isRunning {
            try eventually("\(run.service.rawValue) is ready; its log:\n\(run.newestLog)") { run.isReady }
        }
    }

    func run(_ service: ServiceName) throws -> ServiceRun {
        guard let run = running.last(where: { $0.service == service && $0.isRunning }) else {
            throw PlatformFailure("\(service.rawValue) does not run")
        }
        return run
    }

    // MARK: Outside systems

    /// Publishes a purchase as a till does, keyed by its idempotency key.
    func publish(key: String, customer: String, total: String, source: String = "till") throws {
        let body = """
            {"type": "purchase", "externalId": "\(customer)", "occurredAt": "2026-11-01T10:00:00Z", "unit": "shop-1",
             "currency": "USD", "total": \(total)}
            """
        try publish(.ingress, key: key, headers: [("ce_source", Array(source.utf8))], value: Array(body.utf8))
    }

    func publish(_ topic: TopicID, key: String, headers: HeaderList, value: [UInt8]?) throws {
        let bytes = Array(key.utf8)
        try publish(
            topic, partition: PartitionCount(partitions).partition(of: bytes), key: bytes, headers: headers,
            value: value)
    }

    func publish(
        _ topic: TopicID, partition: PartitionIndex, key: [UInt8], headers: HeaderList, value: [UInt8]?
    ) throws {
        try publish(Publication(topic: topic, partition: partition, key: key, headers: headers, value: value))
    }

    private func publish(_ record: Publication) throws {
        published += 1
        underway[published] = record
        try publisher.publish(
            topic: record.topic, partition: record.partition, key: record.key, headers: record.headers,
            value: record.value, token: published)
    }

    /// Waits until the broker has everything that was published. What the client gave up, because the broker was
    /// away, is published again under the same key, as the contract asks of tills.
    func flush() throws {
        try eventually("the broker acknowledges \(underway.count) records") {
            var refused: [Publication] = []
            publisher.poll(waitMilliseconds: 50) { token, result in
                guard let record = underway.removeValue(forKey: token) else { return }
                if case .failure = result { refused.append(record) }
            }
            for record in refused { try publish(record) }
            return underway.isEmpty
        }
    }

    func call(
        _ method: String, _ path: String, headers: [String: String] = [:], body: String? = nil
    ) throws -> HTTPCall.Answer {
        guard let answer = try request(method, path, headers: headers, body: body).answer() else {
            throw PlatformFailure("\(method) \(path): no answer")
        }
        return answer
    }

    /// A request to the API with the operator's key.
    func request(
        _ method: String, _ path: String, headers: [String: String] = [:], body: String? = nil
    ) throws -> HTTPCall {
        let gateway = try run(.ingressGateway)
        guard let port = gateway.port("http.port") else { throw PlatformFailure("the gateway has no port") }
        var all = ["x-api-key": Self.apiKey, "x-api-secret": Self.apiSecret]
        if body != nil { all["content-type"] = "application/json" }
        all.merge(headers) { $1 }
        return HTTPCall(port: port, method: method, path: path, headers: all, body: body)
    }

    // MARK: Downstream

    /// The committed records of a topic, as anybody may read them.
    func read(_ topic: TopicID) throws -> [DownstreamRecord] {
        var records: [DownstreamRecord] = []
        try eventually("\(log.catalog.name(of: topic)) can be read") {
            do {
                records = try readOnce(topic)
                return true
            } catch let failure as LogFailure where failure.consequence == .retry {
                // A broker that was just away, as tests of faults have it.
                return false
            }
        }
        return records
    }

    private func readOnce(_ topic: TopicID) throws -> [DownstreamRecord] {
        let reader = try log.makeReader(.catchingUp)
        defer { reader.close() }
        let places = PartitionCount(partitions).all.map { TopicPartition(topic, $0) }
        var goals: [TopicPartition: Offset] = [:]
        for place in places { goals[place] = try reader.endOffset(of: place) }
        try reader.read(from: places.map { FetchPosition($0, from: .beginning) })
        let batch = RecordBatch()
        var records: [DownstreamRecord] = []
        let limits = BatchLimits(records: 10_000, bytes: 8 << 20, lingerMilliseconds: 0)
        try eventually("\(log.catalog.name(of: topic)) is read to its end") {
            batch.clear()
            for end in try reader.poll(into: batch, limits: limits, waitMilliseconds: 200)
            where end.offset >= goals[end.place] ?? .zero {
                goals[end.place] = nil
            }
            records += batch.map(DownstreamRecord.init)
            return goals.isEmpty
        }
        return records
    }

    /// Waits until so many records lie on a topic, and returns them.
    func wait(for count: Int, on topic: TopicID, within seconds: Double = 180) throws -> [DownstreamRecord] {
        var records: [DownstreamRecord] = []
        do {
            try eventually(within: seconds, "\(count) records on \(log.catalog.name(of: topic))") {
                records = try read(topic)
                return records.count >= count
            }
        } catch {
            throw PlatformFailure(
                "\(error); there are \(records.count)\n"
                    + running.map { "\($0.service): \($0.readiness)\n\($0.newestLog)" }.joined(separator: "\n"))
        }
        return records
    }
}

/// A record with what tests look at, owned.
struct DownstreamRecord {
    let partition: Int32
    let offset: Int64
    let key: String
    let value: JSONValue?
    let headers: [String: String]
    let bytes: Int

    init(_ record: Record) {
        partition = record.partition.number
        offset = record.offset.number
        key = record.key.map { String(decoding: $0, as: UTF8.self) } ?? ""
        bytes = record.value?.count ?? 0
        value = record.value.flatMap { try? JSONDocument(parsing: Array($0)).root }
        var headers: [String: String] = [:]
        for number in 0..<record.headerCount {
            let header = record.header(at: number)
            headers[String(decoding: header.name, as: UTF8.self)] = String(decoding: header.value, as: UTF8.self)
        }
        self.headers = headers
    }

    func text(_ field: String) -> String { value?[field]?.string() ?? "" }
    func number(_ field: String) -> Int64 { value?[field]?.int64 ?? -1 }
}
