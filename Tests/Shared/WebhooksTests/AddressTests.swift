// Which addresses are connected to: names are resolved first, and what they resolve to is what is checked and
// used.

import Dispatch
import Synchronization
import Testing

@testable import Webhooks

@Suite("Resolved addresses") struct AddressTests {
    private func resolve(_ host: String, allowPrivate: Bool) -> Resolution? {
        let (found, done) = (Found(), DispatchSemaphore(value: 0))
        Resolver().resolve(host: host, port: 80, allowPrivate: allowPrivate) { resolution in
            found.value.withLock { $0 = resolution }
            done.signal()
        }
        done.wait()
        return found.value.withLock { $0 }
    }

    private final class Found: Sendable { let value = Mutex<Resolution?>(nil) }

    @Test(arguments: [
        "localhost", "127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1",
        "fe80::1",
    ])
    func `a host on a private network is refused unless the subscription allows it`(host: String) throws {
        guard case .failed(.forbiddenAddress) = resolve(host, allowPrivate: false) else {
            Issue.record("\(host) was let through")
            return
        }
        guard case .addresses(let addresses) = resolve(host, allowPrivate: true) else {
            Issue.record("\(host) was refused")
            return
        }
        #expect(!addresses.isEmpty && addresses.allSatisfy { !$0.isPublic })
    }

    @Test(arguments: ["93.184.216.34", "2606:2800:220:1::1"]) func `a public address passes`(host: String) {
        guard case .addresses(let addresses) = resolve(host, allowPrivate: false) else {
            Issue.record("\(host) was refused")
            return
        }
        #expect(addresses.count == 1 && addresses[0].isPublic)
    }

    @Test func `a name that does not exist is told as such`() {
        guard case .failed(.nameNotFound) = resolve("no-such-host.invalid", allowPrivate: true) else {
            Issue.record("it resolved")
            return
        }
    }
}
