// `simulate`: runs seeds of the simulation. For `compose/soak`, `compose/check`, and whoever repeats a failure.

import Foundation
import Simulation

let command: SimulateCommand
do {
    command = try SimulateCommand(CommandLine.arguments.dropFirst())
} catch {
    FileHandle.standardError.write(Data("simulate: \(error); --help says more\n".utf8))
    exit(2)
}
exit(command.run())
