// One HTTP request to a process under test, made by curl, which is not our code and is what
// integrators use first.

import Foundation

struct HTTPCall {
    struct Answer {
        let status: Int
        let headers: [String: String]
        let body: String

        /// The body as loose JSON, for looking at single fields.
        var fields: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]
        }
    }

    var port: Int
    var method = "GET"
    var path: String
    var headers: [String: String] = [:]
    var body: String?

    init(port: Int, method: String = "GET", path: String, headers: [String: String] = [:], body: String? = nil) {
        self.port = port
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
    }

    /// Nil if nobody answered.
    func answer() -> Answer? {
        let curl = Process()
        curl.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        var arguments = ["-s", "-i", "--path-as-is", "--max-time", "60", "-X", method]
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) { arguments += ["-H", "\(name): \(value)"] }
        if let body { arguments += ["--data-binary", body] }
        curl.arguments = arguments + ["http://127.0.0.1:\(port)\(path)"]
        let output = Pipe()
        curl.standardOutput = output
        curl.standardError = FileHandle.nullDevice
        guard (try? curl.run()) != nil else { return nil }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        curl.waitUntilExit()
        return curl.terminationStatus == 0 ? parse(String(decoding: data, as: UTF8.self)) : nil
    }

    private func parse(_ text: String) -> Answer? {
        var parts = text.components(separatedBy: "\r\n\r\n")
        while parts.count > 1, parts[0].hasPrefix("HTTP/1.1 100") { parts.removeFirst() }
        let lines = parts[0].components(separatedBy: "\r\n")
        guard let status = lines[0].split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            headers[line[..<colon].lowercased()] = value
        }
        return Answer(
            status: status, headers: headers, body: parts.dropFirst().joined(separator: "\r\n\r\n"))
    }
}
