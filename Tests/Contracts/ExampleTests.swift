// Every example of the contracts against the codecs, and against what the platform derives. An example that
// no codec would accept, or that says something else than the code, misleads whoever builds against it.

import Configuration
import JSONText
import Messages
import NotifierDomain
import Primitives
import Testing

@Suite struct ExampleTests {
    @Test(arguments: try Example.all())
    func `An example is read and written back equal, or refused exactly as it says`(_ example: Example) throws
    {
        guard let form = example.form else { return }
        do {
            guard let bytes = try form.recoded(example.bytes) else { return }
            #expect(example.isValid, "was accepted")
            let due = try #require(example.root["canonical"] ?? example.body)
            let written = try JSONDocument(parsing: bytes).root
            #expect(isEqual(written, due), "\(String(decoding: bytes, as: UTF8.self))")
        } catch {
            let found = try problems(of: error)
            #expect(!example.isValid, "\(found)")
            #expect(found.count == 1)
            #expect(found.first?.pointer == example.root["problem"]?["pointer"]?.string())
            #expect(found.first?.code == example.root["problem"]?["code"]?.string())
        }
    }

    @Test func `Awards and spends are views of the transactions they name`() throws {
        var views = 0
        for example in try Example.all() {
            guard example.form != nil, example.root["view"] != nil else { continue }
            let view = try example.publishedBytes()
            #expect(
                isEqual(try JSONDocument(parsing: view).root, try #require(example.body)), "\(example.name)")
            views += 1
        }
        #expect(views >= 2)
    }

    @Test(arguments: try Example.all().filter { $0.message == "notice" })
    func `A webhook has the body and the signature that the notifier gives it`(_ example: Example) throws {
        let outcome = try Example(try #require(example.root["view"]?.string()))
        let body = try #require(example.body)
        let type = try #require(body["type"]?.string().flatMap(NoticeType.init(rawValue:)))
        let bytes = NoticeBody.encoded(
            type, at: try #require(body["timestamp"]?.timestamp), data: try outcome.publishedBytes())
        #expect(isEqual(try JSONDocument(parsing: bytes).root, body))
        let subscriber = try Example("configuration-subscription").body
        let secret = try #require(subscriber?["secret"]?.string().flatMap { WebhookSecret($0) })
        let seconds = try #require(example.header("webhook-timestamp").flatMap { Int64($0) })
        let signature = NoticeSigning.signature(
            id: try #require(example.header("webhook-id")), seconds: seconds, body: bytes,
            keys: [secret.bytes])
        #expect(example.header("webhook-signature") == signature)
    }

    @Test(arguments: MessageType.allCases)
    func `A message type has a valid example of each form it has`(_ type: MessageType) throws {
        let examples = try Example.all().filter(\.isValid)
        if type == .reply {
            #expect(examples.contains { $0.topic == "replies" && $0.header(HeaderName.outcome) != nil })
        }
        for form in MessageForm.forms(of: type) {
            #expect(examples.contains { $0.form == form && $0.header(HeaderName.type) == type.rawValue })
        }
    }

    @Test(arguments: ConfigurationKind.allCases)
    func `A kind of document has a valid and a refused example`(_ kind: ConfigurationKind) throws {
        let form = try #require(MessageForm(kind))
        let examples = try Example.all().filter { $0.form == form }
        #expect(examples.contains { $0.isValid } && examples.contains { !$0.isValid })
        for example in examples where example.isValid {
            let document = try ConfigurationDocument(parsing: example.bytes)
            #expect(example.key.map { Array($0.utf8) } == document.key)
        }
    }

    @Test func `Ids, keys and fingerprints in examples are those that the platform derives`() throws {
        var derived = 0
        for example in try Example.all() where example.isValid {
            guard let topic = example.topic, !["ingress", "replies", "config"].contains(topic) else {
                continue
            }
            let id = try #require(example.header(HeaderName.id).flatMap { MessageID($0) }, "\(example.name)")
            #expect(example.header(HeaderName.specVersion) == "1.0")
            #expect(example.header(HeaderName.time).flatMap { Timestamp(rfc3339: $0) } != nil)
            let externalID = example.header(HeaderName.externalID) ?? example.body?["externalId"]?.string()
            if let externalID, topic != "intake" {
                #expect(
                    example.key == "\(WalletID(programme: "pointstream", externalID: externalID))",
                    "\(example.name)")
            }
            guard let key = example.header(HeaderName.idempotencyKey) else { continue }
            let source = try #require(example.header(HeaderName.source))
            #expect(
                id.value == EventID(source: source, idempotencyKey: Array(key.utf8)).value, "\(example.name)")
            derived += 1
            guard topic == "intake" else { continue }
            let type = try #require(example.header(HeaderName.type).flatMap { MessageType(rawValue: $0) })
            let body = try #require(try example.form?.recoded(example.bytes))
            let fingerprint = String(
                decoding: hexDigits(Messages.fingerprint(of: body, type: type)), as: UTF8.self)
            #expect(example.header(HeaderName.fingerprint) == fingerprint, "\(example.name)")
            #expect(example.key == key)
        }
        #expect(derived >= 4)
    }

    @Test func `Examples that are posted name a route of the API, its status and what comes before`() throws {
        let paths = ["POST /v1/wallets", "POST /v1/events", "POST /v1/reward-issues"]
        let examples = try Example.all()
        for example in examples {
            guard let route = example.root["route"]?.string() else { continue }
            #expect(paths.contains(route), "\(example.name)")
            let status = try #require(example.root["status"]?.int64, "\(example.name)")
            #expect((status >= 400) == (example.root["code"] != nil), "\(example.name)")
            if let before = example.root["after"]?.string() {
                #expect(examples.contains { $0.name == before && $0.root["route"] != nil }, "\(example.name)")
            }
        }
        for path in paths { #expect(examples.contains { $0.root["route"]?.string() == path }) }
    }
}
