// Holds the place of RuleEvaluator's Service until its first file.
