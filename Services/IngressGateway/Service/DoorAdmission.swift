// Whether a request may come in: everything that is known from its head, in one order for all routes. Found out
// before its body is read, and again only if the configuration has changed until the body was there.

import Configuration
import HTTPGate
import IngressGatewayDomain
import Primitives
import Telemetry

/// The configuration as requests hold it: one thing to count, not the dozen tables in it.
final class ConfigurationInForce: Sendable {
    let configuration: Configuration

    init(_ configuration: Configuration) { self.configuration = configuration }
}

/// A request that may come in.
struct Admission {
    let route: APIRoute
    let caller: APIKey
    let inForce: ConfigurationInForce
    /// Present where one is required.
    let key: IdempotencyKey?
    let wait: WaitPreference?

    var configuration: Configuration { inForce.configuration }

    /// - Parameter inForce: nil before the configuration was read.
    init(_ head: HTTPHead, _ inForce: ConfigurationInForce?) throws(Problem) {
        guard let inForce else { throw .unavailable("not-ready", "the configuration is being read") }
        self.inForce = inForce
        caller = try Self.caller(head, inForce.configuration)
        route = try Self.route(head)
        guard caller.may(route) else {
            throw Problem(403, "forbidden", "a key of role \(caller.role.rawValue) may not do this")
        }
        if route.hasBody { try Self.checkBodyType(head) }
        key = try Self.idempotencyKey(head, route)
        wait = WaitPreference(fields: head.fields.all("Prefer"))
    }

    private static func caller(_ head: HTTPHead, _ configuration: Configuration) throws(Problem) -> APIKey {
        let (key, secret) = (head.fields.only("x-api-key"), head.fields.only("x-api-secret"))
        let caller = configuration.caller(
            key: String(decoding: key ?? [], as: UTF8.self), secret: Array(secret ?? []))
        guard let caller, key != nil, secret != nil else {
            var problem = Problem(401, "unauthorized", "x-api-key and x-api-secret are due, each once")
            problem.headers = [("WWW-Authenticate", "ApiKey")]
            throw problem
        }
        return caller
    }

    private static func route(_ head: HTTPHead) throws(Problem) -> APIRoute {
        do throws(APIRoute.Failure) {
            return try APIRoute(method: head.method, path: head.path)
        } catch {
            switch error {
            case .notFound: throw Problem(404, "not-found", "no such path")
            case .methodNotAllowed(let allowed):
                var problem = Problem(405, "method-not-allowed", "\(allowed) is due")
                problem.headers = [("Allow", allowed)]
                throw problem
            }
        }
    }

    /// `application/json`, in UTF-8 and as it is.
    private static func checkBodyType(_ head: HTTPHead) throws(Problem) {
        guard let type = head.fields.only("Content-Type"),
            type.elementsEqual("application/json".utf8) || isJSON(String(decoding: type, as: UTF8.self))
        else { throw Problem(415, "unsupported-media-type", "Content-Type: application/json is due") }
        let codings = head.fields.all("Content-Encoding")
        guard codings.allSatisfy({ $0.lowercased() == "identity" }) else {
            throw Problem(415, "unsupported-media-type", "a body without Content-Encoding is due")
        }
    }

    private static func isJSON(_ type: String) -> Bool {
        let parts = type.lowercased().split(separator: ";", omittingEmptySubsequences: false).map { part in
            part.filter { $0 != " " && $0 != "\t" && $0 != "\"" }
        }
        return parts[0] == "application/json"
            && parts.dropFirst().allSatisfy { $0 == "charset=utf-8" || $0.isEmpty }
    }

    /// Required where an event or a request is accepted; opening a wallet is repeatable by itself, so a key
    /// there is only checked for its form.
    private static func idempotencyKey(_ head: HTTPHead, _ route: APIRoute) throws(Problem) -> IdempotencyKey?
    {
        guard route.hasBody else { return nil }
        let field = head.fields.only("Idempotency-Key")
        if field == nil, route == .openWallet, !head.fields.contains("Idempotency-Key") { return nil }
        do throws(IdempotencyKey.Failure) {
            guard let field else { throw head.fields.contains("Idempotency-Key") ? .invalid : .required }
            return try IdempotencyKey(field: field)
        } catch {
            throw Problem(400, error.rawValue, error.detail)
        }
    }

    /// The source in whose name the caller's events and requests are accepted.
    func source() throws(Problem) -> Source {
        guard let name = caller.source else {
            throw Problem(403, "no-source", "this key belongs to no source")
        }
        guard let source = configuration.sources[name] else {
            throw Problem(403, "unknown-source", "the source of this key is not configured")
        }
        guard source.active else {
            throw Problem(403, "inactive-source", "the source of this key is switched off")
        }
        return source
    }
}
