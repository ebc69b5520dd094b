// Settings as an operator gives them: which value wins, what is refused and by which words, and the generated
// help.

import Foundation
import Testing

@testable import Settings

@Suite struct `Settings of a process` {
    private let brokers = ["POINTSTREAM_BROKERS": "localhost:9092"]

    private func resolve(
        _ environment: [String: String], file: String? = nil, process: String = "ingress-gateway"
    ) throws -> SettingValues {
        try SettingsReader(process: process, environment: environment, file: file).resolve()
    }

    private func problems(
        _ environment: [String: String], file: String? = nil, process: String = "ingress-gateway"
    ) -> [SettingProblem] {
        do throws(SettingsFailure) {
            _ = try SettingsReader(process: process, environment: environment, file: file).resolve()
            return []
        } catch {
            return error.problems
        }
    }

    @Test func `fallbacks apply, the file overrides them, and the environment overrides the file`() throws {
        let file =
            "# shared\r\n\r\nPOINTSTREAM_BROKERS = a:1 \r\nPOINTSTREAM_WORKERS=4\nPOINTSTREAM_HTTP_PORT=80\n"
        let environment = ["POINTSTREAM_WORKERS": "2", "PATH": "/bin"]
        let service = try ServiceSettings(try resolve(environment, file: file))
        #expect(service.brokers == "a:1")
        #expect(service.workers == 2)
        #expect(service.partitions == 8)
        #expect(service.dataFolder == "./data/ingress-gateway")
        let gateway = GatewaySettings(try resolve(environment, file: file))
        #expect(gateway.httpPort == 80)
        #expect(gateway.waitMaximumSeconds == 30)
    }

    @Test(arguments: [("ingress-gateway", 1), ("rule-evaluator", 1), ("wallet-ledger", 2), ("notifier", 2)])
    func `a process has as many workers as its transactions are worth`(process: String, workers: Int) throws {
        #expect(try ServiceSettings(try resolve(brokers, process: process)).workers == workers)
        let more = brokers.merging(["POINTSTREAM_WORKERS": "3"]) { $1 }
        #expect(try ServiceSettings(try resolve(more, process: process)).workers == 3)
    }

    @Test func `everything that is wrong is reported at once, by name`() {
        let found = problems(
            [
                "POINTSTREAM_WORKERS": "17", "POINTSTREAM_LOG_LEVEL": "loud", "POINTSTREAM_PREFIX": "a b",
                "POINTSTREAM_BATCH_BYTES": "1e6", "POINTSTREAM_NONSENSE_ENTIRELY": "1",
            ],
            file: "POINTSTREAM_WORKER=1\nnot a setting\nPOINTSTREAM_DATA=a\nPOINTSTREAM_DATA=b\n")
        #expect(
            found.map { "\($0.name) \($0.code.rawValue)" } == [
                "POINTSTREAM_BATCH_BYTES out-of-bounds", "POINTSTREAM_BROKERS missing",
                "POINTSTREAM_DATA repeated",
                "POINTSTREAM_LOG_LEVEL out-of-bounds", "POINTSTREAM_NONSENSE_ENTIRELY unknown",
                "POINTSTREAM_PREFIX out-of-bounds", "POINTSTREAM_WORKER unknown",
                "POINTSTREAM_WORKERS out-of-bounds",
                "settings file, line 2 malformed",
            ])
        #expect(found.contains { $0.detail.contains("1...16") && $0.detail.contains("17") })
        #expect(found.contains { $0.detail.contains("debug, info, warning, error") })
    }

    @Test(arguments: [
        ("POINTSTREAM_WORKER", "POINTSTREAM_WORKERS"),
        ("POINTSTREAM_BATCH_LINGERMS", "POINTSTREAM_BATCH_LINGER_MS"),
        ("POINTSTREAM_KAFKA_ACKS", nil), ("BROKERS", "POINTSTREAM_BROKERS"),
    ])
    func `an unknown name is refused with the nearest known one`(name: String, meant: String?) {
        let problem = problems(brokers, file: "\(name)=1").first
        #expect(problem?.name == name)
        #expect(problem?.code == .unknown)
        #expect(problem?.detail == "is not a known setting" + (meant.map { "; did you mean \($0)?" } ?? ""))
    }

    @Test func `settings of other processes are known names, whatever their values`() throws {
        let all = Dictionary(
            uniqueKeysWithValues: Setting.all.map { ($0.name, $0.fallback(of: "notifier") ?? "localhost:9092") })
        _ = try resolve(all, process: "notifier")
        _ = try resolve(brokers.merging(["POINTSTREAM_HTTP_PORT": "none"]) { $1 }, process: "notifier")
        #expect(problems(brokers.merging(["POINTSTREAM_HTTP_PORT": "none"]) { $1 }).count == 1)
    }

    @Test(arguments: Setting.all) func `bounds hold at both ends, and the fallback keeps to them`(
        setting: Setting
    ) {
        for fallback in [setting.fallback].compactMap(\.self) + setting.ownFallbacks.values {
            #expect(throws: Never.self) { try setting.value(of: fallback).get() }
        }
        switch setting.bounds {
        case .integer(let range):
            #expect(throws: Never.self) { try setting.value(of: String(range.lowerBound)).get() }
            #expect(throws: Never.self) { try setting.value(of: String(range.upperBound)).get() }
            #expect(throws: SettingProblem.self) { try setting.value(of: String(range.lowerBound - 1)).get() }
            #expect(throws: SettingProblem.self) { try setting.value(of: String(range.upperBound + 1)).get() }
        case .text(let maximum), .name(let maximum):
            let longest = String(repeating: "x", count: maximum)
            #expect(throws: Never.self) { try setting.value(of: longest).get() }
            #expect(throws: SettingProblem.self) { try setting.value(of: longest + "x").get() }
            #expect(throws: SettingProblem.self) { try setting.value(of: "").get() }
        case .choice(let values):
            for value in values { #expect(throws: Never.self) { try setting.value(of: value).get() } }
            #expect(throws: SettingProblem.self) { try setting.value(of: "other").get() }
        }
    }

    @Test func `client properties pass through, reserved ones do not, and secrets stay out of the log`()
        throws
    {
        let values = try resolve(
            brokers.merging([
                "POINTSTREAM_KAFKA__SASL_PASSWORD": "hunter2", "POINTSTREAM_KAFKA__FETCH_WAIT_MAX_MS": "20",
            ]) { $1 })
        #expect(values.clientProperties == ["sasl.password": "hunter2", "fetch.wait.max.ms": "20"])
        let shown = values.effective.map { "\($0.name)=\($0.value)" }
        #expect(shown.contains("fetch.wait.max.ms=20"))
        #expect(shown.contains("sasl.password=***"))
        #expect(!shown.contains { $0.contains("hunter2") })
        let refused = problems(
            brokers.merging(["POINTSTREAM_KAFKA__ISOLATION_LEVEL": "read_uncommitted"]) { $1 })
        #expect(refused.map(\.code) == [.reserved])
    }

    @Test(arguments: ["ingress-gateway", "notifier", "pointstream"])
    func `help names every setting of the process with its unit, fallback, bounds and purpose`(
        process: String
    ) {
        let help = SettingsHelp(process: process, summary: "does its work").description
        let words = help.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for setting in Setting.all {
            let fallback = setting.fallback(of: process).map { "default \($0)" }
            let entry =
                "\(setting.name) (\(setting.unit); \(fallback ?? "required"); \(setting.bounds)) "
                + setting.purpose
            #expect(words.contains(entry) == setting.isUsed(by: process), "\(setting.name)")
        }
    }

    @Test func `arguments ask for help or name a settings file, and others are refused`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        let file = folder.appending(path: "pointstream.settings")
        try Data("POINTSTREAM_BROKERS=b:2\n".utf8).write(to: file)

        guard
            case .run(let values) = try Launch(
                process: "notifier", arguments: ["--settings", file.path], environment: [:])
        else {
            Issue.record("the service must run")
            return
        }
        #expect(values.text(.brokers) == "b:2")
        guard case .help = try Launch(process: "notifier", arguments: ["--help"], environment: [:]) else {
            Issue.record("help is due, even if settings are wrong")
            return
        }
        for arguments in [["--setting", "x"], ["--settings"], ["--settings", file.path + ".none"]] {
            #expect(throws: SettingsFailure.self) {
                _ = try Launch(process: "notifier", arguments: arguments, environment: brokers)
            }
        }
    }

    @Test func `places to go on are read as log lines write them, and nothing else is`() throws {
        func places(_ text: String) throws -> [ResumePoint] {
            let values = try resolve(["POINTSTREAM_BROKERS": "a:1", "POINTSTREAM_RESUME_AT": text], file: nil)
            return try ServiceSettings(values).resumeAt
        }
        #expect(try places("none") == [])
        #expect(
            try places("a.b.v1[0]@12, c-d.v1[7]@0") == [
                ResumePoint(topic: "a.b.v1", partition: 0, offset: 12),
                ResumePoint(topic: "c-d.v1", partition: 7, offset: 0),
            ])
        let wrongs = [
            "a.v1[0]", "a.v1[0]@-1", "a.v1@3", "a.v1[0]@1,", "a.v1[0]@9999999999999999999", "a v1[0]@1",
            "a.v1[0]@1,a.v1[0]@2",
        ]
        for wrong in wrongs {
            let failure = #expect(throws: SettingsFailure.self) { try places(wrong) }
            #expect(failure?.problems.first?.name == "POINTSTREAM_RESUME_AT", "\(wrong)")
        }
    }

    @Test func `a place to go on that the service does not read is refused`() throws {
        func refusal(_ topic: String, _ partition: Int32) throws -> String? {
            let points = [ResumePoint(topic: topic, partition: partition, offset: 3)]
            do throws(SettingsFailure) {
                try ResumePoint.check(points, inputs: ["intake.v1", "config.v1"], partitions: 8)
            } catch { return error.description }
            return nil
        }
        #expect(try refusal("intake.v1", 7) == nil)
        #expect(
            try refusal("intake.v1", 8)
                == "POINTSTREAM_RESUME_AT: intake.v1[8] does not exist: there are 8 partitions, from 0")
        #expect(
            try refusal("intakes.v1", 0)
                == "POINTSTREAM_RESUME_AT: this service has no input intakes.v1: its inputs are intake.v1, config.v1")
    }
}
