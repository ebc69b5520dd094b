// Holds a JSON value against one of the contracts' schemas. Knows the part of JSON Schema 2020-12 that they
// are written in, and reports every other keyword, so that no schema says more than is checked. Besides, it
// reports members that a schema does not name: a contract that leaves something out is wrong too.

import JSONText
import Primitives

struct SchemaChecker {
    /// By file name.
    let schemas: [String: JSONValue]
    private(set) var problems: [String] = []
    /// `schema#/path` of every property that a value had.
    private(set) var seen: Set<String> = []

    init() throws {
        var schemas: [String: JSONValue] = [:]
        for name in try ContractFiles.names(in: "Schemas") {
            schemas[name + ".json"] = try ContractFiles.document("Schemas", name).root
        }
        self.schemas = schemas
    }

    static let annotations: Set<String> = ["$schema", "title", "description"]
    static let keywords: Set<String> = [
        "$ref", "type", "properties", "required", "additionalProperties", "items", "enum", "const", "pattern",
        "format",
        "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
    ]

    mutating func check(_ value: JSONValue, against file: String) {
        guard let schema = schemas[file] else { return problems.append("no schema \(file)") }
        check(value, schema, "\(file)#")
    }

    private mutating func check(_ value: JSONValue, _ schema: JSONValue, _ path: String) {
        for (key, rule) in schema.members where !Self.annotations.contains(key) {
            switch key {
            case "$ref": check(value, against: rule.string() ?? "")
            case "type": if !Self.types(rule).contains(Self.type(of: value)) { report(value, path, key) }
            case "properties", "additionalProperties": break
            case "required":
                for name in rule.items.compactMap({ $0.string() }) where value[name] == nil {
                    report(value, path, "required \(name)")
                }
            case "items":
                for item in value.items { check(item, rule, path + "/items") }
            case "enum": if !rule.items.contains(where: { isEqual($0, value) }) { report(value, path, key) }
            case "const": if !isEqual(rule, value) { report(value, path, key) }
            case "pattern", "format", "minLength", "maxLength": checkText(value, key, rule, path)
            case "minimum":
                if let number = value.decimal, let least = rule.decimal, number < least {
                    report(value, path, key)
                }
            case "maximum":
                if let number = value.decimal, let most = rule.decimal, number > most {
                    report(value, path, key)
                }
            case "minItems":
                if value.kind == .array, value.count < rule.int64 ?? 0 { report(value, path, key) }
            case "maxItems":
                if value.kind == .array, value.count > rule.int64 ?? 0 { report(value, path, key) }
            default: problems.append("\(path): no keyword of this checker: \(key)")
            }
        }
        checkMembers(value, schema, path)
    }

    private mutating func checkMembers(_ value: JSONValue, _ schema: JSONValue, _ path: String) {
        // Without properties a schema says that any object is right.
        guard value.kind == .object, let properties = schema["properties"] else { return }
        for (name, member) in value.members {
            let place = "\(path)/properties/\(name)"
            guard let rule = properties[name] else {
                problems.append("\(place): not described")
                continue
            }
            seen.insert(place)
            check(member, rule, place)
        }
    }

    private mutating func checkText(_ value: JSONValue, _ key: String, _ rule: JSONValue, _ path: String) {
        guard let text = value.string() else { return }
        let isRight =
            switch key {
            case "minLength": text.unicodeScalars.count >= rule.int64 ?? 0
            case "maxLength": text.unicodeScalars.count <= rule.int64 ?? 0
            case "format": rule.string() == "date-time" && Timestamp(rfc3339: text) != nil
            default: Self.matches(text, rule.string() ?? "")
            }
        if !isRight { report(value, path, key) }
    }

    private static func matches(_ text: String, _ pattern: String) -> Bool {
        do {
            return try text.contains(Regex(pattern))
        } catch {
            return false
        }
    }

    private static func types(_ rule: JSONValue) -> [String] {
        let list = rule.kind == .array ? rule.items.compactMap { $0.string() } : [rule.string() ?? ""]
        return list.contains("number") ? list + ["integer"] : list
    }

    private static func type(of value: JSONValue) -> String {
        switch value.kind {
        case .object: "object"
        case .array: "array"
        case .string: "string"
        case .number: value.int64 == nil ? "number" : "integer"
        case .bool: "boolean"
        case .null: "null"
        }
    }

    private mutating func report(_ value: JSONValue, _ path: String, _ rule: String) {
        problems.append("\(path): \(rule) at \(value.pointer)")
    }

    /// `schema#/path` of every property that the schemas describe.
    var described: Set<String> {
        var found: Set<String> = []
        func walk(_ schema: JSONValue, _ path: String) {
            for (name, rule) in schema["properties"]?.members.map({ $0 }) ?? [] {
                found.insert("\(path)/properties/\(name)")
                walk(rule, "\(path)/properties/\(name)")
            }
            if let items = schema["items"] { walk(items, path + "/items") }
        }
        for (file, schema) in schemas { walk(schema, file + "#") }
        return found
    }
}
