// Holds the place of RuleEvaluator's Domain until its first file.
