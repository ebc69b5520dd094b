"""The two contracts are documents that tools can read: valid YAML without doubled keys, every reference
leads somewhere, every schema is a schema, and the examples hold against them by a checker that is not
ours. What the contracts say is held against the code by Tests/Contracts. Skipped where python3-yaml or
python3-jsonschema is missing."""

from __future__ import annotations

import functools
import json
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    import jsonschema
    import yaml
except ImportError:
    yaml = None

FOLDER = Path(__file__).resolve().parents[2] / "Shared" / "Contracts"
DOCUMENTS = ["asyncapi.yaml", "openapi.yaml"]


@functools.cache
def load(path: Path) -> Any:
    if path.suffix == ".json":
        return json.loads(path.read_text())

    class Strict(yaml.SafeLoader):
        """YAML lets a key stand twice, and the later one wins."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            doubled = {key for key in keys if keys.count(key) > 1}
            if doubled:
                raise ValueError(f"{path.name}, line {node.start_mark.line + 1}: twice: {doubled}")
            return super().construct_mapping(node, deep)

    return yaml.load(path.read_text(), Strict)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            if key in ("$ref", "externalValue") and isinstance(member, str):
                yield member
            else:
                yield from references(member)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def resolve(reference: str, home: Path) -> Any:
    """The value that a reference in the file `home` leads to; fails if there is none."""
    file, _, pointer = reference.partition("#")
    value = load(home.parent / file if file else home)
    for token in pointer.split("/")[1:]:
        value = value[token.replace("~1", "/").replace("~0", "~")]
    return value


@unittest.skipIf(yaml is None, "python3-yaml and python3-jsonschema are not installed")
class ContractTests(unittest.TestCase):
    def test_every_reference_leads_somewhere(self) -> None:
        files = [FOLDER / name for name in DOCUMENTS] + sorted((FOLDER / "Schemas").glob("*.json"))
        for file in files:
            for reference in set(references(load(file))):
                with self.subTest(file=file.name, reference=reference):
                    resolve(reference, file)

    def test_every_component_is_used(self) -> None:
        for name in DOCUMENTS:
            document = load(FOLDER / name)
            used = set(references(document))
            for kind, components in document["components"].items():
                for component in components if kind != "securitySchemes" else []:
                    # What is posted to subscribers is on no topic.
                    if component != "webhook":
                        self.assertIn(f"#/components/{kind}/{component}", used, name)

    def test_schemas_are_schemas_and_valid_examples_hold(self) -> None:
        schemas = {path.name: load(path) for path in (FOLDER / "Schemas").glob("*.json")}

        def inlined(value: Any) -> Any:
            if isinstance(value, dict):
                if "$ref" in value:
                    return inlined(schemas[value["$ref"]])
                return {key: inlined(member) for key, member in value.items() if key != "$schema"}
            return [inlined(item) for item in value] if isinstance(value, list) else value

        for schema in schemas.values():
            jsonschema.Draft202012Validator.check_schema(schema)
        for path in sorted((FOLDER / "Examples").glob("*.json")):
            example = load(path)
            if example["valid"] and example["message"] != "request":
                validator = jsonschema.Draft202012Validator(inlined(schemas[example["message"] + ".json"]))
                with self.subTest(example=path.stem):
                    validator.validate(example["body"])


if __name__ == "__main__":
    unittest.main()
