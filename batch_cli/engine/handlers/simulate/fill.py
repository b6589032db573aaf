"""Fill a JSON Schema from a text by general rules; what comes out always validates.

Part of the simulated model. Each field takes what the text offers for its name, type and format; where
the text offers nothing, the plainest value the schema allows. Schemas that say more than these rules can
promise to keep are checked afterwards, and one that cannot be kept is refused, never answered wrongly.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from batch_cli.engine.handlers.simulate.checking import check, refuse_invalid
from batch_cli.engine.handlers.simulate.concepts import Concept, concept_of
from batch_cli.engine.handlers.simulate.evidence import Evidence, Number
from batch_cli.engine.handlers.simulate.values import (
    DENIAL,
    DENIED_AFTER,
    NEUTRAL,
    Unfillable,
    all_texts,
    bounded,
    distinct,
    find_stem,
    find_words,
    implied_type,
    matching_word,
    mood,
    one_text,
    plain_text,
    shaped,
    stretch_start,
    within,
)
from batch_cli.jsonl import dumps
from batch_cli.model import JsonObject, JsonValue
from batch_cli.schema import Inconvertible, resolve_reference

_APPOSED_AGE = 20.0
"""How much more a number beside a name speaks for an age than one anywhere else."""
_DEEPEST = 6
"""How often a schema may be entered through itself."""
_MOST_READ = 100_000
"""How many characters of a prompt are looked at."""
_LARGEST_ANSWER = 10_000
"""How much an answer may hold: a value counts one, a text one more for each `_TEXT_UNIT` of it."""
_TEXT_UNIT = 64


def fill(schema: JsonObject, text: str) -> JsonValue:
    """Give a value for ``schema`` made from ``text``: the same for the same two, always.

    Raises:
        Unfillable: the schema contradicts itself or asks for what these rules cannot make.
    """
    try:
        evidence = Evidence(text[:_MOST_READ])
        value, _ = _Filler(schema, evidence, _Budget()).value(schema, _Field("", concept_of("")))
        check(schema, value)
    except (Inconvertible, RecursionError) as error:
        raise Unfillable(str(error)) from error
    except (TypeError, ValueError, AttributeError, KeyError, OverflowError):
        refuse_invalid(schema)  # the rules trust a schema's keywords to be of their types
        raise
    return value


@dataclass(frozen=True, slots=True)
class _Field:
    """The place of a value: what its name says, and the name of the object around it."""

    name: str
    concept: Concept
    depth: int = 0


@dataclass(slots=True)
class _Budget:
    """What is left of the largest answer: a schema can ask for more than any memory holds."""

    left: int = _LARGEST_ANSWER

    def spend(self, characters: int = 0) -> None:
        """Pay for a value, and for the text in it."""
        self.left -= 1 + characters // _TEXT_UNIT
        if self.left < 0:
            raise Unfillable(f"it asks for an answer of more than {_LARGEST_ANSWER:,} values")


@dataclass(slots=True)
class _Filler:
    """One filling: the root for references, the text, and which numbers are taken already."""

    root: JsonObject
    evidence: Evidence
    budget: _Budget
    used: set[int] = field(default_factory=set)

    def value(self, schema: JsonValue, place: _Field) -> tuple[JsonValue, bool]:
        """Give a value and whether the text speaks for it."""
        self.budget.spend()
        if schema is True or schema == {}:
            return self._text({}, place)
        if not isinstance(schema, dict):
            raise Unfillable(f"{place.name or 'the root'}: nothing is allowed here")
        if "$ref" in schema:
            if place.depth >= _DEEPEST:
                raise Unfillable(f"{place.name}: the schema contains itself without an end")
            target = resolve_reference(schema["$ref"], self.root)
            rest = {key: part for key, part in schema.items() if key != "$ref"}
            deeper = _Field(place.name, place.concept, place.depth + 1)
            return self.value({**target, **rest}, deeper)
        if "const" in schema:
            self.budget.spend(_length(schema["const"]))
            return schema["const"], True
        if isinstance(schema.get("enum"), list):
            chosen = self._choice(schema["enum"], place)
            self.budget.spend(_length(chosen[0]))
            return chosen
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                outer = {name: part for name, part in schema.items() if name != key}
                outer.pop("title", None)
                return self._branch(schema[key], outer, place)
        if schema.get("allOf"):
            return self.value(self._merged(schema), place)
        return self._typed(schema, place)

    def _resolved(self, schema: JsonValue) -> JsonValue:
        """Follow references until there is none."""
        for _ in range(_DEEPEST):
            if not (isinstance(schema, dict) and "$ref" in schema):
                return schema
            rest = {key: part for key, part in schema.items() if key != "$ref"}
            schema = {**resolve_reference(schema["$ref"], self.root), **rest}
        raise Unfillable("the schema refers to itself without an end")

    def _merged(self, schema: JsonObject) -> JsonObject:
        merged = {key: part for key, part in schema.items() if key != "allOf"}
        for one in schema["allOf"]:
            part = self._resolved(one)
            if isinstance(part, dict):
                properties = {**merged.get("properties", {}), **part.get("properties", {})}
                required = [*merged.get("required", ()), *part.get("required", ())]
                merged = {**merged, **part}
                if properties:
                    merged |= {"properties": properties, "required": required}
        return merged

    def _typed(self, schema: JsonObject, place: _Field) -> tuple[JsonValue, bool]:
        kind = schema.get("type")
        if isinstance(kind, list):
            rest = {key: part for key, part in schema.items() if key != "type"}
            return self._branch([{"type": one} for one in kind], rest, place)
        if kind is None:
            kind = implied_type(schema)
        match kind:
            case "object":
                return self._object(schema, place)
            case "array":
                return self._array(schema, place)
            case "string":
                return self._text(schema, place)
            case "integer" | "number":
                return self._number(schema, place, whole=kind == "integer")
            case "boolean":
                return self._truth(place)
            case "null":
                return None, False
            case _:
                raise Unfillable(f"{place.name or 'the root'}: unknown type {kind!r}")

    # --- alternatives ---

    def _branch(self, branches: list[JsonValue], outer: JsonObject, place: _Field) -> tuple[JsonValue, bool]:
        """Take the first alternative the text speaks for; else null where allowed; else the first possible."""
        fallback: list[tuple[JsonValue, bool]] = []
        why = Unfillable(f"{place.name or 'the root'}: no alternative can be filled")
        for branch in branches:
            try:
                found = self.value({**outer, **branch} if isinstance(branch, dict) else branch, place)
            except Unfillable as error:
                why = error
                continue
            if found[1]:
                return found
            fallback.append(found)
        if not fallback:
            raise why
        nulls = [found for found in fallback if found[0] is None]
        return nulls[0] if nulls else fallback[0]

    def _choice(self, values: list[JsonValue], place: _Field) -> tuple[JsonValue, bool]:
        if not values:
            raise Unfillable(f"{place.name or 'the root'}: an empty enum allows nothing")
        lower = self.evidence.lower
        best: tuple[int, int] | None = None
        for at, value in enumerate(values):
            if isinstance(value, str) and value:
                where = find_words(lower, value.lower().replace("_", " ").replace("-", " "))
                if where >= 0 and (best is None or where < best[0]):
                    best = (where, at)
        if best is not None:
            return values[best[1]], True
        tone = mood(lower)
        for value in values:
            if isinstance(value, str) and value.lower() == tone:
                return value, True
        numbers = [number.value for number in self.evidence.numbers]
        for value in values:
            if isinstance(value, int | float) and not isinstance(value, bool) and value in numbers:
                return value, True
        for value in values:
            if value is None or (isinstance(value, str) and value.lower() in NEUTRAL):
                return value, False
        return values[0], False

    # --- containers ---

    def _object(self, schema: JsonObject, place: _Field) -> tuple[JsonValue, bool]:
        required = schema.get("required") or ()
        result: JsonObject = {}
        spoken = False
        for name, part in (schema.get("properties") or {}).items():
            format_word = part.get("format", "") if isinstance(part, dict) else ""
            inner = _Field(
                name,
                concept_of(name, format_word if isinstance(format_word, str) else "", place.name),
                place.depth,
            )
            if name not in required and place.depth >= _DEEPEST:
                continue
            try:
                value, evident = self.value(part, inner)
            except Unfillable:
                if name in required:
                    raise
                continue
            if evident or name in required:
                result[name] = value
            spoken = spoken or evident
        for name in required:
            if name not in result:
                extra = schema.get("additionalProperties", True)
                result[name] = self.value(extra, _Field(name, concept_of(name), place.depth))[0]
        return result, spoken

    def _array(self, schema: JsonObject, place: _Field) -> tuple[JsonValue, bool]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
        if least > most:
            raise Unfillable(f"{place.name or 'the root'}: minItems is above maxItems")
        prefix = schema.get("prefixItems") or []
        items = schema.get("items", True)
        singular = _Field(place.name.removesuffix("s"), place.concept, place.depth)
        values = [self.value(part, singular)[0] for part in prefix]
        spoken = bool(prefix)
        if items is not False and place.depth < _DEEPEST:
            found = self._elements(items, place)
            spoken = spoken or bool(found)
            values.extend(found)
        if schema.get("uniqueItems"):
            values = distinct(values)
        values = values[: int(most)] if most is not math.inf else values
        while len(values) < least:
            values.append(self._another(items, values, singular, distinct=bool(schema.get("uniqueItems"))))
        return values, spoken

    def _another(
        self, items: JsonValue, values: list[JsonValue], place: _Field, *, distinct: bool
    ) -> JsonValue:
        value = self.value(items, place)[0]
        if not distinct or value not in values:
            return value
        if isinstance(value, str):
            return f"{value} {len(values) + 1}"
        if isinstance(value, int) and not isinstance(value, bool):
            return max(v for v in values if isinstance(v, int)) + 1
        raise Unfillable(f"{place.name or 'the root'}: not enough different items")

    def _elements(self, items: JsonValue, place: _Field) -> list[JsonValue]:
        """Give as many items as the text speaks of."""
        schema = self._resolved(items)
        if not isinstance(schema, dict) or schema.keys() & {"const", "allOf", "oneOf"}:
            return []
        kind = schema.get("type", implied_type(schema))
        if kind == "object" or "anyOf" in schema:
            return self._objects(items, place)
        if isinstance(schema.get("enum"), list):
            lower = self.evidence.lower
            return [
                value
                for value in schema["enum"]
                if isinstance(value, str) and find_words(lower, value.lower().replace("_", " ")) >= 0
            ]
        if kind in ("integer", "number"):
            whole = kind == "integer"
            return [
                bounded(number.value, schema, whole=whole, where=place.name)
                for number in self.evidence.numbers
                if not whole or isinstance(number.value, int)
            ]
        if kind == "string":
            return [
                shaped(text, schema, place.name, self.evidence)
                for text in all_texts(self.evidence, place.concept)
            ]
        return []

    def _objects(self, items: JsonValue, place: _Field) -> list[JsonValue]:
        """Fill one object for each stretch of the text that speaks of a person, or else of each sentence."""
        text = self.evidence.text
        people = [name for name in self.evidence.people if name.score > 1]
        if len(people) > 1:
            starts = [
                stretch_start(text, people[at - 1].end, name.start) if at else 0
                for at, name in enumerate(people)
            ]
            stretches = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
        else:
            parts = [part for part in re.split(r"[;\n]|(?<=[.!?])\s", text) if part.strip()]
            stretches = parts if len(parts) > 1 else [text]
        found = []
        inner = _Field(place.name.removesuffix("s"), place.concept, place.depth + 1)
        for stretch in stretches:
            filler = _Filler(self.root, Evidence(stretch), self.budget)
            try:
                value, spoken = filler.value(items, inner)
            except Unfillable:
                continue
            if spoken and (len(people) > 1 or filler.used or filler.evidence.people):
                found.append(value)
        return found

    # --- scalars ---

    def _number(self, schema: JsonObject, place: _Field, *, whole: bool) -> tuple[JsonValue, bool]:
        number = self._nearest_number(place.concept, schema, whole=whole)
        if number is None:
            return bounded(0, schema, whole=whole, where=place.name), False
        self.used.add(number.start)
        return bounded(number.value, schema, whole=whole, where=place.name), True

    def _nearest_number(self, concept: Concept, schema: JsonObject, *, whole: bool) -> Number | None:
        """Find the number whose surroundings speak most for this field; a taken one only as the last resort."""
        best, best_score = None, 0.0
        for number in self.evidence.numbers:
            if whole and number.value != int(number.value):
                continue
            score = 0.1 if number.start not in self.used else 0.001
            if concept.is_age and not 0 < number.value < 130:  # noqa: PLR2004 - nobody is older
                score *= 0.1
            elif concept.is_age and self.evidence.is_apposed(number):
                score *= _APPOSED_AGE
            if not within(number.value, schema):
                score *= 0.1
            score *= 1 + concept.cues.score(self.evidence.lower, number.start, number.end)
            if score > best_score:
                best, best_score = number, score
        return best

    def _truth(self, place: _Field) -> tuple[JsonValue, bool]:
        """Give true where the text speaks of the field's words, unless it denies them."""
        words = [w for w in place.concept.words if w not in ("is", "has", "can", "was", "are", "should")]
        lower = self.evidence.lower
        for word in words:
            where = find_stem(lower, word)
            if where >= 0:
                clause_start = max(lower.rfind(mark, 0, where) for mark in ".;!?\n")
                before = lower[max(clause_start + 1, where - 40) : where]
                after = lower[where : where + 24]
                denied = DENIAL.search(before) or DENIED_AFTER.search(after)
                return not denied, True
        return False, False

    def _text(self, schema: JsonObject, place: _Field) -> tuple[JsonValue, bool]:
        found = one_text(self.evidence, place.concept)
        if found is None and "pattern" in schema:
            found = matching_word(self.evidence.text, schema["pattern"])
        spoken = found is not None
        plain = found if found is not None else plain_text(place.concept.kind, schema)
        self.budget.spend(max(len(plain), int(schema.get("minLength", 0))))
        return shaped(plain, schema, place.name, self.evidence), spoken


def _length(value: JsonValue) -> int:
    if isinstance(value, str):
        return len(value)
    return len(dumps(value)) if isinstance(value, dict | list) else 0
