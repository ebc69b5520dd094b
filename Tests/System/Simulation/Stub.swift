import Primitives
public func violations(in evidence: Evidence) -> [Violation] { [] }
