// The `pointstream` command: gives the process's arguments, environment and streams to the operator's code,
// and exits with its code.

import Foundation
import OperatorService
import Primitives

private func write(_ line: String, to stream: FileHandle) {
    stream.write(Data((line + "\n").utf8))
}

private var entropy = SystemEntropy()
private let code = Operator.run(
    arguments: Array(CommandLine.arguments.dropFirst()),
    environment: ProcessInfo.processInfo.environment,
    console: Console(
        line: { write($0, to: .standardOutput) },
        problem: { write($0, to: .standardError) }),
    entropy: &entropy)
exit(code.rawValue)
